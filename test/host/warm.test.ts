// Templates that are made ahead: of every branch, and of none that does not build.
import { expect, test } from 'vitest'
import { type Farm, PrepareFailed, type TemplateSpec } from '../../src/ports/farm.ts'
import { keepWarm } from '../../src/wiring/warm.ts'
import { fakeFarm } from '../fakes/farm.ts'
import { fakeMirror, project } from '../fakes/flow.ts'

const id = (letter: string): string => letter.repeat(40)

const own = {
  ...project,
  branches: [
    { branch: 'broken', tags: ['broken'], paths: [] },
    { branch: 'gone', tags: ['gone'], paths: [] },
    { branch: 'stable', tags: ['stable'], paths: [] },
    { branch: 'main', tags: ['main'], paths: [] },
  ],
}

test('every branch is built ahead, once each, whatever becomes of another', async () => {
  const over = new AbortController()
  const made: string[] = []
  const said: string[] = []
  const tips: Record<string, string> = { main: id('a'), broken: id('b'), stable: id('c') }
  const farm: Farm = {
    ...fakeFarm(),
    async template(spec: TemplateSpec) {
      made.push(spec.label)
      if (spec.label.includes(id('b').slice(0, 12)))
        throw new PrepareFailed('make', { kind: 'finished', exitCode: 2 }, Buffer.from('no'))
      // The last one of the round.
      if (spec.label.includes(id('c').slice(0, 12))) over.abort()
      return spec.label
    },
  }
  const wired = {
    config: { projects: [own] } as never,
    mirror: { ...fakeMirror(), resolve: async (_: string, name: string) => tips[name] },
    log: (_: string, what: string) => void said.push(what),
  }
  const images = () => ['debian', 'busybox']
  await keepWarm(wired, { farm, images, isIdle: () => true, signal: over.signal })
  expect(made).toEqual([
    'debian',
    'busybox',
    'debian, tally aaaaaaaaaaaa',
    'debian, tally bbbbbbbbbbbb',
    'debian, tally cccccccccccc',
  ])
  expect(said).toEqual([expect.stringContaining('tally: no template is made ahead for broken: ')])
})
