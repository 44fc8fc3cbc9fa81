// Whatever comes in is read, or told to be unreadable: 300 mutated mails and each monster. `npm run bench -- hostile` does 10,000, with figures.
import { expect, test } from 'vitest'
import { gitMail } from '../../src/adapters/git/mail.ts'
import { understand } from '../../src/stages/receive/understand.ts'
import { monsters, mutants, seeds } from '../fakes/hostile.ts'

const take = understand({ gitMail: gitMail() })

test('300 mutated mails: each has one disposition, and the same one again', async () => {
  const raws = [...mutants(300)]
  const said = await take(raws, [])
  expect(said.length).toBe(300)
  for (const { disposition, parsed, tags } of said) {
    expect(['new', 'not-a-patch', 'automatic', 'unreadable']).toContain(disposition.kind)
    expect([parsed === undefined, tags === undefined]).toEqual([
      disposition.kind === 'unreadable',
      disposition.kind === 'unreadable',
    ])
  }
  expect(await take(raws.slice(0, 40), [])).toEqual(said.slice(0, 40))
  const kinds = new Set(said.map(({ disposition }) => disposition.kind))
  expect([...kinds].sort()).toEqual(['automatic', 'new', 'not-a-patch', 'unreadable'])
})

test('a bug that one mail provokes keeps no other one away', async () => {
  const git = gitMail()
  const broken = understand({
    gitMail: {
      ...git,
      // The first one makes our reader throw.
      mailinfo: async raws =>
        (await git.mailinfo(raws)).map((info, n) => (n === 0 && info ? { ...info, patch: Object(1) } : info)),
    },
  })
  const said = await broken([seeds[0] ?? Buffer.alloc(0), seeds[0] ?? Buffer.alloc(0)], [])
  expect(said.map(({ disposition, patch }) => [disposition.kind, patch?.unusable?.kind])).toEqual([
    ['new', 'damaged'],
    ['new', undefined],
  ])
})

test('mutated mails are the same again, and differ', () => {
  const [some, same, other] = [[...mutants(50)], [...mutants(50)], [...mutants(50, [], 5)]]
  expect(same).toEqual(some)
  expect(other).not.toEqual(some)
})

test.each(Object.keys(monsters))('%s', async name => {
  const raw = monsters[name]?.() ?? Buffer.alloc(0)
  const [said] = await take([raw], [])
  expect(['new', 'not-a-patch', 'unreadable']).toContain(said?.disposition.kind)
  expect(JSON.stringify(said).length).toBeLessThan(16 << 20)
})
