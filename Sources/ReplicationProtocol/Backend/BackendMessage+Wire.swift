public import InterpretedWAL

extension BackendMessage {
    /// Appends the frame.
    ///
    /// Traps if a row has more than 65535 columns.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .authenticationOk:
            buffer.appendFrame(tag: UInt8(ascii: "R")) { $0.append(bigEndian: UInt32(0)) }
        case .authenticationCleartextPassword:
            buffer.appendFrame(tag: UInt8(ascii: "R")) { $0.append(bigEndian: UInt32(3)) }
        case .parameterStatus(let name, let value):
            buffer.appendFrame(tag: UInt8(ascii: "S")) { body in
                body.append(cString: name)
                body.append(cString: value)
            }
        case .backendKeyData(let processID, let secretKey):
            buffer.appendFrame(tag: UInt8(ascii: "K")) { body in
                body.append(bigEndian: processID)
                body.append(bigEndian: secretKey)
            }
        case .readyForQuery:
            buffer.appendFrame(tag: UInt8(ascii: "Z")) { $0.append(UInt8(ascii: "I")) }
        case .rowDescription(let columns):
            buffer.appendFrame(tag: UInt8(ascii: "T")) { $0.append(columns) }
        case .dataRow(let values):
            buffer.appendFrame(tag: UInt8(ascii: "D")) { $0.append(values) }
        case .commandComplete(let text):
            buffer.appendFrame(tag: UInt8(ascii: "C")) { $0.append(cString: text) }
        case .errorResponse(let error):
            buffer.appendFrame(tag: UInt8(ascii: "E")) { $0.append(error) }
        case .copyBothResponse:
            // Format and number of columns: text, none.
            buffer.appendFrame(tag: UInt8(ascii: "W")) { $0.append([0, 0, 0]) }
        case .noParameters:
            buffer.appendFrame(tag: UInt8(ascii: "t")) { $0.append([0, 0]) }
        case .copyDone: buffer.appendFrame(tag: UInt8(ascii: "c")) { _ in }
        case .parseComplete: buffer.appendFrame(tag: UInt8(ascii: "1")) { _ in }
        case .bindComplete: buffer.appendFrame(tag: UInt8(ascii: "2")) { _ in }
        case .closeComplete: buffer.appendFrame(tag: UInt8(ascii: "3")) { _ in }
        case .noData: buffer.appendFrame(tag: UInt8(ascii: "n")) { _ in }
        }
    }
}

extension OutputBuffer {
    fileprivate mutating func append(_ columns: [ColumnDescription]) {
        append(bigEndian: UInt16(columns.count))
        for column in columns {
            append(cString: column.name)
            // No table, no column of it.
            append(bigEndian: UInt32(0))
            append(bigEndian: UInt16(0))
            append(bigEndian: column.typeOID)
            append(bigEndian: column.typeSize)
            // No type modifier, text format.
            append(bigEndian: Int32(-1))
            append(bigEndian: UInt16(0))
        }
    }

    fileprivate mutating func append(_ values: [String?]) {
        append(bigEndian: UInt16(values.count))
        for value in values {
            guard let value else {
                append(bigEndian: Int32(-1))
                continue
            }
            append(bigEndian: Int32(value.utf8.count))
            append(Array(value.utf8))
        }
    }

    fileprivate mutating func append(_ error: ErrorResponse) {
        append(UInt8(ascii: "S"))
        append(cString: "ERROR")
        append(UInt8(ascii: "C"))
        append(cString: error.state.rawValue)
        append(UInt8(ascii: "M"))
        append(cString: error.message)
        append(0)
    }
}

extension OutputBuffer {
    /// Appends a CopyData whose payload `body` appends.
    public mutating func appendCopyData<Failure: Error>(
        _ body: (inout OutputBuffer) throws(Failure) -> Void
    ) throws(Failure) {
        try appendFrame(tag: UInt8(ascii: "d"), body)
    }

    /// Appends what precedes the payload of a CopyData, for a payload that is sent from where it lies.
    ///
    /// Traps if the payload has 4 GiB or more.
    public mutating func appendCopyDataHeader(payloadSize: Int) {
        append(UInt8(ascii: "d"))
        append(bigEndian: UInt32(payloadSize + 4))
    }
}
