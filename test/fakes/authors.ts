// Authors of a whole flow, each with a patch: they post one after another, and one can see what was found of each.
import type { FakeClock } from './clock.ts'
import type { Flow } from './flow.ts'
import { letter } from './list.ts'

const patchOf = (name: string) =>
  letter({
    subject: `[PATCH] ${name.toLowerCase()}: better`,
    id: name,
    from: `${name} <${name.toLowerCase()}@example.org>`,
    file: `src/${name}.c`,
  })

/** `found`: the verdict's kind by the patch's title; undefined: there is none yet. */
export const authorsOf = (flow: Flow) => {
  const { store } = flow.wired
  const clock = flow.wired.clock as FakeClock
  const post = async (...names: string[]) => {
    for (const name of names) {
      await flow.bring([patchOf(name)])
      await flow.settle()
      await clock.advance(60_000)
    }
  }
  const found = async () =>
    Object.fromEntries(
      await Promise.all(
        (await store.seriesIn({})).map(async ({ id, title }) => [
          title,
          (await store.verdict(id))?.finding.kind,
        ]),
      ),
    ) as Record<string, string | undefined>
  return { store, clock, post, found }
}
