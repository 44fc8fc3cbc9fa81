// What a schema cannot tell of the mail that goes out: one way of sending, an address of our own, a key and a login that are whole.
import { keysOf, type Look } from './check-look.ts'
import type { Path, Problem } from './problem.ts'

/** "neither is here", "both are here". */
const noneOrBoth = (count: number): string => `${count === 0 ? 'neither is' : 'both are'} here`

export const ownAddress = ({ projects, get, problem }: Look): Problem[] => {
  const bot = get('bot', 'address')
  return projects.flatMap(name => {
    const list = get('projects', name, 'list', 'address')
    const isSame =
      typeof bot === 'string' && typeof list === 'string' && bot.toLowerCase() === list.toLowerCase()
    return isSame
      ? [problem(['bot', 'address'], `is the list of ${name}: the bot needs an address of its own`)]
      : []
  })
}

export const oneWayOut = ({ get, problem }: Look): Problem[] => {
  const mail = get('mail')
  if (typeof mail !== 'object' || mail === null) return []
  const ways = keysOf(mail).filter(key => key === 'maildir' || key === 'smtp')
  if (ways.length === 1) return []
  return [problem(['mail'], `must have exactly one of maildir and smtp; ${noneOrBoth(ways.length)}`)]
}

const hostLabels = /^[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*$/i

/** RFC 6376 §3.1: the selector is looked up as a name in the DNS. */
export const signing = ({ get, problem }: Look): Problem[] => {
  const path: Path = ['mail', 'dkim', 'selector']
  const selector = get(...path)
  if (typeof selector !== 'string' || hostLabels.test(selector)) return []
  return [problem(path, 'must be letters, digits, "-" and "_", as it is part of a host name')]
}

/** A server that asks who we are gets a password or a token: one of the two. */
export const oneSecret = ({ get, problem }: Look, path: Path): Problem[] => {
  const given = ['password', 'token'].filter(key => get(...path, key) !== undefined)
  if (given.length === 1) return []
  return [problem(path, `must have exactly one of password and token; ${noneOrBoth(given.length)}`)]
}

export const login = (look: Look): Problem[] => {
  const { get, problem } = look
  const smtp: Path = ['mail', 'smtp']
  if (get(...smtp, 'user') !== undefined) return oneSecret(look, smtp)
  return ['password', 'token']
    .filter(key => get(...smtp, key) !== undefined)
    .map(key => problem([...smtp, key], `a ${key} needs a user beside it`))
}
