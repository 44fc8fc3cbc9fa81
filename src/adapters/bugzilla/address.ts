// Addresses of bugs: one spelling for each, whatever people wrote.
import type { BugUrl } from '../../model/bug.ts'

/** `base`: where show_bug.cgi is, ending in "/". */
export const bugAddress = (base: string, id: number): BugUrl => `${base}show_bug.cgi?id=${id}`

const maxId = 2 ** 31

const idIn = (text: string | null | undefined): number | undefined => {
  if (text == null || !/^\d{1,10}$/.test(text)) return undefined
  const id = Number(text)
  return id > 0 && id < maxId ? id : undefined
}

/** What stands behind `base` in an address of that site; http and https are the same. undefined: it is none of its. */
export const restOfAddress = (
  base: string,
  address: string,
): { path: string; id: string | null } | undefined => {
  if (address.length > 2000 || !URL.canParse(address)) return undefined
  const [own, url] = [new URL(base), new URL(address)]
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:'
  if (!isWeb || url.host !== own.host || !url.pathname.startsWith(own.pathname)) return undefined
  return { path: url.pathname.slice(own.pathname.length), id: url.searchParams.get('id') }
}

/** The short address without show_bug.cgi is the same bug; so is one with `#c7`. */
export const idOfAddress = (base: string, address: string): number | undefined => {
  const rest = restOfAddress(base, address)
  return rest && idIn(rest.path === 'show_bug.cgi' ? rest.id : rest.path)
}

/** A number as people name a bug, `7`, `#7`, `bug 7`; or an address. */
export const idOfName = (base: string, name: string): number | undefined => {
  const short = name.trim()
  return idIn(/^(?:bug[ #:]{1,3}|#)?(\d{1,10})$/i.exec(short)?.[1]) ?? idOfAddress(base, short)
}
