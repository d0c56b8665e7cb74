internal import Synchronization

/// A `Double` that several threads add to without a lock.
final class AtomicDouble: Sendable {
    private let bits: Atomic<UInt64>

    init(_ value: Double) {
        bits = Atomic(value.bitPattern)
    }

    func load() -> Double {
        Double(bitPattern: bits.load(ordering: .relaxed))
    }

    func store(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    func add(_ amount: Double) {
        var found = bits.load(ordering: .relaxed)
        while true {
            let sum = (Double(bitPattern: found) + amount).bitPattern
            let outcome = bits.weakCompareExchange(expected: found, desired: sum, ordering: .relaxed)
            if outcome.exchanged { return }
            found = outcome.original
        }
    }
}

/// A fixed number of counts that several threads increment without a lock.
///
/// Unchecked, since the compiler can't see that the memory is only ever reached through its atomics.
final class AtomicCounts: @unchecked Sendable {
    private let counts: UnsafeMutableBufferPointer<Atomic<UInt64>>

    init(count: Int) {
        counts = .allocate(capacity: count)
        for index in 0..<count { counts.initializeElement(at: index, to: Atomic(0)) }
    }

    deinit {
        counts.deinitialize().deallocate()
    }

    func increment(_ index: Int) {
        counts[index].wrappingAdd(1, ordering: .relaxed)
    }

    func load() -> [UInt64] {
        counts.indices.map { counts[$0].load(ordering: .relaxed) }
    }
}
