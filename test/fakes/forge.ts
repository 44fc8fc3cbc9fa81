// A forge in memory: holds what was written to it, says what it is told to say, and can be away.
import { Fault } from '../../src/model/fault.ts'
import type { Pull } from '../../src/model/forge.ts'
import type { Check, Forge, Permission, PullComment, Status } from '../../src/ports/forge.ts'
import type { Branches, PushedSeries } from '../../src/ports/git.ts'

export type FakeForge = Forge & {
  /** By id. */
  checks: Map<string, Check>
  /** By pull request: id and text. */
  comments: Map<string, { id: string; text: string }>
  statuses: { commit: string; status: Status }[]
  reactions: { comment: number; how: string }[]
  said: Map<number, PullComment>
  permissions: Map<string, Permission>
  /** What every call throws; undefined: it works. */
  away: Fault | undefined
  /** All calls that write, in order. */
  writes: string[]
  /** The last that was written of each name. */
  shown(): Record<string, string>
}

export const fakeForge = (): FakeForge => {
  const forge: FakeForge = {
    checks: new Map(),
    comments: new Map(),
    statuses: [],
    reactions: [],
    said: new Map(),
    permissions: new Map(),
    away: undefined,
    writes: [],
    shown: () =>
      Object.fromEntries(
        [...forge.checks.values()].map(check => [
          check.name,
          `${check.conclusion ?? check.status}: ${check.title}`,
        ]),
      ),
    probe: async () => ({ login: 'grapevine[bot]', warnings: [] }),
    pull: async () => undefined,
    pullsSince: async () => [],
    commentsSince: async (_, since) => {
      works()
      return [...forge.said.values()].filter(({ changedAt }) => changedAt > since)
    },
    comment: async (_, id) => {
      works()
      return forge.said.get(id)
    },
    permission: async (_, login) => {
      works()
      return forge.permissions.get(login) ?? 'read'
    },
    remote: async repository => ({ url: `https://forge.example.org/${repository}.git`, header: 'secret' }),
    async putCheck(_, check, known) {
      works(`check ${check.name} ${check.status}`)
      const id = known ?? `${forge.checks.size + 1}`
      // As GitHub does it: what is not said stays.
      forge.checks.set(id, { ...forge.checks.get(id), ...check })
      return id
    },
    async putComment({ repository, number }, { text }, known) {
      works('comment')
      const id = known ?? `${forge.comments.size + 1}`
      forge.comments.set(`${repository}#${number}`, { id, text })
      return id
    },
    async putStatus(_, commit, status) {
      works(`status ${status.context} ${status.state}`)
      forge.statuses.push({ commit, status })
    },
    async react(_, comment, how) {
      works(`react ${how}`)
      forge.reactions.push({ comment, how })
    },
    close: async () => {},
  }
  const works = (write?: string) => {
    if (forge.away) throw forge.away
    if (write !== undefined) forge.writes.push(write)
  }
  return forge
}

export const rateLimit = (): Fault =>
  new Fault('exhausted', 'later', 'GitHub: its limit of requests is reached')

/** Branches elsewhere, as names and commits. `refuse`: what the next push throws. */
export const fakeBranches = () => {
  const there = new Map<string, string>()
  const pushes: PushedSeries[] = []
  const state: { refuse: Fault | undefined } = { refuse: undefined }
  const branches: Branches = {
    async push(series) {
      if (state.refuse) throw state.refuse
      pushes.push(series)
      const commit = `${pushes.length}`.repeat(40).slice(0, 40)
      there.set(series.branch, commit)
      return commit
    },
    async remove(branch) {
      there.delete(branch)
    },
  }
  return { branches, there, pushes, state }
}

export const pullOf = (more: Partial<Pull> = {}): Pull => ({
  ...{ repository: 'tally/tally', number: 7, project: 'tally', title: 'count: better', body: 'Because.' },
  ...{ url: 'https://forge.example.org/tally/tally/pull/7', author: { login: 'Ann', id: 1 } },
  ...{ head: 'c'.repeat(40), base: { branch: 'main', commit: 'a'.repeat(40) }, state: 'open' },
  ...{ isDraft: false, changedAt: 0, version: 1, series: undefined },
  ...more,
})
