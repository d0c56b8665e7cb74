import PostgresHarness
import Testing

/// Has the tests of a suite run where they may block.
struct MayBlock: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(BlockingExecutor.shared) {
            try await function()
        }
    }
}

extension Trait where Self == MayBlock {
    /// The tests start servers, and wait for them by blocking.
    static var mayBlock: Self { Self() }
}
