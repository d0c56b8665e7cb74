extension Key: Comparable {
    /// Orders keys field by field, which is also the order of their binary and text forms.
    @inlinable
    public static func < (lhs: Key, rhs: Key) -> Bool {
        (lhs.field1, lhs.field2, lhs.field3, lhs.field4, lhs.field5, lhs.field6)
            < (rhs.field1, rhs.field2, rhs.field3, rhs.field4, rhs.field5, rhs.field6)
    }

    /// The lowest key: all fields zero.
    @inlinable
    public static var min: Key { Key(field1: 0, field2: 0, field3: 0, field4: 0, field5: 0, field6: 0) }

    /// The highest key: all bits one.
    @inlinable
    public static var max: Key {
        Key(field1: .max, field2: .max, field3: .max, field4: .max, field5: .max, field6: .max)
    }

    /// The key after this one: plus one, with carry from field 6 up to field 1; nil after ``max``.
    @inlinable
    public var next: Key? {
        self == .max ? nil : wrappingNext
    }

    /// The key after this one, where ``max`` is followed by ``min``.
    @inlinable
    var wrappingNext: Key {
        var key = self
        key.field6 &+= 1
        guard key.field6 == 0 else { return key }
        key.field5 &+= 1
        guard key.field5 == 0 else { return key }
        key.field4 &+= 1
        guard key.field4 == 0 else { return key }
        key.field3 &+= 1
        guard key.field3 == 0 else { return key }
        key.field2 &+= 1
        guard key.field2 == 0 else { return key }
        key.field1 &+= 1
        return key
    }
}
