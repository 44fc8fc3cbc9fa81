// Where a mail of a list can be read.
import type { MessageId } from '../model/mail.ts'

/** Archives take these in a path as they stand; public-inbox's own links do (RFC 3986 §3.3). */
const readable = (text: string): string => encodeURIComponent(text).replace(/%40/g, '@').replace(/%2B/g, '+')

/** `archive`: an address with `{id}` in it. undefined: the list's mails are read nowhere that is known. */
export const mailAddress = (archive: string | undefined, id: MessageId | undefined): string | undefined =>
  archive === undefined || id === undefined
    ? undefined
    : archive.replaceAll('{id}', () => readable(id.replace(/^<|>$/g, '')))
