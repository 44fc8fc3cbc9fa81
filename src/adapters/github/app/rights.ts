// What the App must be allowed to do, and hear: told where it is not. `app.yml` asks for the same. Used by forge.ts.

type Use = 'pulls' | 'series'

type Level = 'read' | 'write'

const rights: Record<Use, Record<string, Level>> = {
  pulls: {
    ...{ checks: 'write', contents: 'read', issues: 'read', metadata: 'read', pull_requests: 'write' },
  },
  series: { contents: 'write', metadata: 'read', statuses: 'write' },
}

const events = ['pull_request', 'issue_comment', 'check_run', 'check_suite']

const enough = (given: string | undefined, wanted: Level): boolean =>
  given === 'admin' || given === 'write' || given === wanted

/** `where`: the App itself, or the repository in which somebody accepted what it asks for. */
export const rightWarnings = (
  where: string,
  given: Record<string, string>,
  uses: readonly { use: Use }[],
): string[] =>
  [...new Set(uses.map(({ use }) => use))].flatMap(use =>
    Object.entries(rights[use]).flatMap(([name, level]) =>
      enough(given[name], level) ? [] : [`${where}: it lacks the permission "${name}: ${level}"`],
    ),
  )

/** A lost event is found by the sweep, a few minutes later. */
export const eventWarnings = (given: readonly string[]): string[] =>
  events.filter(name => !given.includes(name)).map(name => `the App: it does not hear the event "${name}"`)
