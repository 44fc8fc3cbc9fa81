// A bug tracker in memory that speaks like a real one: bugs have states and comments, some are hidden, and sometimes it does not answer.

import type { Bug, BugChange, BugComment } from '../../src/model/bug.ts'
import { Fault } from '../../src/model/fault.ts'
import type { BugWord, Tracker, Writing } from '../../src/ports/bugs.ts'

type FakeBug = Bug & { is: BugWord['is'] | 'hidden'; comments: BugComment[] }

export type FakeTracker = Tracker & {
  bugs: Map<string, FakeBug>
  /** What was asked of it, in order. */
  asked: string[]
  /** It does not answer. */
  down: boolean
  /** The next write is done, and its answer is lost. */
  loseAnswer: boolean
  /** Makes or changes a bug. */
  put(url: string, more?: Partial<FakeBug>): FakeBug
  /** Somebody else comments. */
  say(url: string, comment: Partial<BugComment> & { text: string }): BugComment
  now: number
}

export const fakeTracker = (at = 'https://bugs.example.org/', name = 'bugs'): FakeTracker => {
  const bugs = new Map<string, FakeBug>()
  let lastComment = 100
  const reach = (what: string): FakeBug | undefined => {
    tracker.asked.push(what)
    if (tracker.down) throw new Fault('unreachable', 'soon', `${at} does not answer`)
    const bug = bugs.get(what.split(' ')[1] ?? '')
    if (bug?.is === 'hidden') throw new Fault('refused', 'never', `${at}: you are not authorized`)
    return bug
  }
  const mustReach = (what: string): FakeBug => {
    const bug = reach(what)
    if (!bug) throw new Fault('refused', 'never', `${at}: there is no such bug`)
    return bug
  }
  const idOf = (url: string) => Number(/(\d+)$/.exec(url)?.[1] ?? 0)
  const apply = (bug: FakeBug, change: BugChange): void => {
    if (change.from && change.from.length > 0 && !change.from.includes(bug.status)) return
    if (change.status !== undefined) {
      bug.status = change.status
      bug.isOpen = !['RESOLVED', 'VERIFIED', 'CLOSED', 'closed'].includes(change.status)
      bug.is = bug.isOpen ? 'open' : 'closed'
    }
    if (change.resolution !== undefined) bug.resolution = change.resolution
    bug.keywords = [...new Set([...bug.keywords, ...(change.addKeywords ?? [])])].filter(
      one => !change.removeKeywords?.includes(one),
    )
    if (change.whiteboard !== undefined) bug.whiteboard = `[grapevine: ${change.whiteboard}]`
    bug.seeAlso.push(...(change.addSeeAlso ?? []))
  }
  const write = (bug: FakeBug, { mark, text, change }: Writing): { comment: number | undefined } => {
    const there = bug.comments.find(comment => comment.text.includes(mark))
    if (there) return { comment: there.id }
    if (change) apply(bug, change)
    const comment =
      text === undefined ? undefined : tracker.say(bug.url, { text: `${text}\n\n[${mark}]`, author: 'bot' })
    if (tracker.loseAnswer) {
      tracker.loseAnswer = false
      throw new Fault('timeout', 'soon', `${at} gave no answer`)
    }
    return { comment: comment?.id }
  }
  const tracker: FakeTracker = {
    ...{ name, bugs, asked: [], down: false, loseAnswer: false, now: 1_000_000 },
    owns: bug => bug.startsWith(at),
    addressOf: named =>
      named.startsWith(at) ? named : /^#?\d+$/.test(named) ? `${at}${named.replace('#', '')}` : undefined,
    learn: async () => {},
    commentUrl: (bug, { number }) => `${bug}#c${number}`,
    probe: async () => ({ version: 'fake', login: 'bot', warnings: [] }),
    put(url, more = {}) {
      const bug: FakeBug = bugs.get(url) ?? {
        ...{ url, id: idOf(url), status: 'NEW', resolution: '', isOpen: true, is: 'open', comments: [] },
        ...{ summary: `bug ${idOf(url)}`, product: 'tally', component: 'core', keywords: [], whiteboard: '' },
        ...{ seeAlso: [], flags: [], isRestricted: false, changedAt: tracker.now },
      }
      Object.assign(bug, more)
      bugs.set(url, bug)
      return bug
    },
    say(url, comment) {
      const bug = tracker.put(url)
      const said: BugComment = {
        ...{ id: ++lastComment, number: bug.comments.length, author: 'ann@example.org', authorName: 'Ann' },
        ...{ at: tracker.now, isPrivate: false, attachment: undefined },
        ...comment,
      }
      bug.comments.push(said)
      bug.changedAt = tracker.now
      return said
    },
    async look(bug) {
      const is = reach(`look ${bug}`)?.is ?? 'gone'
      return { is: is === 'hidden' ? 'gone' : is }
    },
    async reopen(bug, { text, mark }) {
      const found = mustReach(`reopen ${bug}`)
      write(found, { mark, text, link: undefined, change: undefined })
      Object.assign(found, { is: 'open', isOpen: true, status: 'REOPENED', resolution: '' })
    },
    async bug(bug) {
      const found = reach(`bug ${bug}`)
      return found && { ...found }
    },
    async comments(bug, since = Number.NEGATIVE_INFINITY) {
      const found = reach(`comments ${bug}`)
      if (!found || found.isRestricted) return []
      return found.comments.filter(one => !one.isPrivate && one.at >= since)
    },
    async peek(urls) {
      const found = reach(`peek ${urls[0]}`)
      const open = found && !found.isRestricted ? found.comments.filter(one => !one.isPrivate) : undefined
      return new Map(urls.slice(0, 1).map(url => [url, open ?? 'gone']))
    },
    async sweep(cursor, { products }) {
      reach('sweep')
      const since = Number(cursor ?? 0)
      const changed = [...bugs.values()]
        .filter(one => one.changedAt >= since && (products.length === 0 || products.includes(one.product)))
        .sort((a, b) => a.changedAt - b.changedAt)
      return {
        bugs: changed.map(one => ({ ...one })),
        next: String(changed.at(-1)?.changedAt ?? since),
        more: false,
      }
    },
    write: async (bug, writing) => write(mustReach(`write ${bug}`), writing),
    async create({ summary, product, component, text }, mark) {
      reach(`create ${summary}`)
      const made = [...bugs.values()].find(one => one.comments[0]?.text.includes(mark))
      if (made) return made.url
      const url = `${at}${1000 + bugs.size}`
      tracker.put(url, { summary, product, component })
      tracker.say(url, { text: `${text}\n\n[${mark}]`, author: 'bot' })
      return url
    },
  }
  return tracker
}
