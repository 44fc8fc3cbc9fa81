// What a reader sees of a mail, for commands: its text without attachments, or the text of its HTML where that is all there is.

const readBytes = 1 << 20
const htmlBytes = 1 << 18

/** mailparser's own way to text wraps at 80 columns, which would cut a command in two: behind one, spaces do not break. */
const unbroken = (html: string): string =>
  html
    .slice(0, htmlBytes)
    .replace(/\/grapevine[^<>\n]{0,300}/gi, command => command.replace(/[ \t]+/g, '\u00a0'))

/** A quotation (blockquote) becomes lines that begin with `>`. */
const textOfHtml = async (html: string): Promise<string> => {
  const mail = Buffer.from(`Content-Type: text/html; charset=utf-8\r\n\r\n${unbroken(html)}`)
  const { simpleParser } = await import('mailparser')
  return (await simpleParser(mail, { skipTextToHtml: true, skipImageLinks: true })).text ?? ''
}

/** '' for a mail that cannot be read. Only the first MiB is looked at. */
export const commandText = async (raw: Buffer): Promise<string> => {
  try {
    // Loaded with the first mail: not every process reads any.
    const { simpleParser } = await import('mailparser')
    const options = { skipHtmlToText: true, skipTextToHtml: true, skipTextLinks: true, skipImageLinks: true }
    const mail = await simpleParser(raw.subarray(0, readBytes), options)
    if (mail.text !== undefined && mail.text.trim() !== '') return mail.text.slice(0, readBytes)
    return typeof mail.html === 'string' ? (await textOfHtml(mail.html)).slice(0, readBytes) : ''
  } catch {
    return ''
  }
}
