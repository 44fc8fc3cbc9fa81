// A few header fields of a mail, without reading all of it.

/** More than that is no header of a mail from people; what stands behind is not seen. */
const headerBytes = 256 * 1024

/** The unfolded values (RFC 5322 §2.2.3) of the fields with these lower-case names, in their order; not decoded. */
export const headerValues = (raw: Buffer, names: readonly string[]): Map<string, string[]> => {
  const found = new Map<string, string[]>()
  let last: { name: string; value: string } | undefined
  const keep = () => {
    if (last === undefined) return
    const values = found.get(last.name)
    if (values === undefined) found.set(last.name, [last.value.trim()])
    else values.push(last.value.trim())
    last = undefined
  }
  for (const line of raw.subarray(0, headerBytes).toString('latin1').split(/\r?\n/)) {
    if (line === '') break
    if (/^[ \t]/.test(line)) {
      if (last !== undefined) last.value += ` ${line.trim()}`
      continue
    }
    keep()
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon)).trimEnd().toLowerCase()
    if (names.includes(name)) last = { name, value: line.slice(colon + 1) }
  }
  keep()
  return found
}
