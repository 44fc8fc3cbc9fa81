// Line ends of mail: CRLF on the wire (RFC 5322 §2.1), LF on the disk. The same mail must be the same bytes wherever it came from.

/** The bytes with LF for each CRLF; a CR alone stays. Written over `bytes`, which must not be used afterwards. */
export const withoutCr = (bytes: Buffer): Buffer => {
  let to = bytes.indexOf('\r\n')
  if (to < 0) return bytes
  for (let from = to; from < bytes.length; from++) {
    const byte = bytes[from] ?? 0
    if (byte === 0x0d && bytes[from + 1] === 0x0a) continue
    bytes[to++] = byte
  }
  return bytes.subarray(0, to)
}
