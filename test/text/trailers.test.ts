import { describe, expect, test } from 'vitest'
import { linkLimits } from '../../src/model/series.ts'
import { baseCommit, readLinks } from '../../src/text/trailers.ts'

const hex = (digit: string, length = 40) => digit.repeat(length)
const change = '20250217-netcons_current-2c635fa5beda'

/** `m <id> c change p patch-id`, as short as it can be said. */
const say = (text: string): string => {
  const links = readLinks(text)
  if (links === undefined) return ''
  const { messageIds, changeIds, patchIds } = links.dependsOn
  return [
    ...messageIds.map(id => `m ${id}`),
    ...changeIds.map(id => `c ${id}`),
    ...patchIds.map(id => `p ${id}`),
    ...links.supersedes.map(id => `s ${id}`),
    ...(links.changeId === undefined ? [] : [`= ${links.changeId}`]),
  ].join(', ')
}

describe('what comes before a series', () => {
  test.each([
    ['Based-on: <20200324134947.15384-1-peter@example.org>', 'm <20200324134947.15384-1-peter@example.org>'],
    ['Based-on: 20200324134947.15384-1-peter@example.org', 'm <20200324134947.15384-1-peter@example.org>'],
    ['Based-on: <a@b> ("[PATCH 0/3] the one before")', 'm <a@b>'],
    ['based-on: <a@b>, <c@d>', 'm <a@b>, m <c@d>'],
    ['Depends-on: https://lore.kernel.org/r/a-1@b.org', 'm <a-1@b.org>'],
    ['Depends-on: https://lore.kernel.org/all/a-1@b.org/T/#t', 'm <a-1@b.org>'],
    ['Depends-on: <https://lore.kernel.org/all/a-1@b.org/>', 'm <a-1@b.org>'],
    ['Based-on: https://patchew.org/QEMU/cover.1.git.a%40b.org/', 'm <cover.1.git.a@b.org>'],
    ['Depends-on: https://patchwork.example.org/project/x/patch/a-2@b.org/?x=1', 'm <a-2@b.org>'],
    ['Depends-on: message-id: <a@b>', 'm <a@b>'],
    ['prerequisite-message-id: <a@b>', 'm <a@b>'],
    [`prerequisite-change-id: ${change}:v3`, `c ${change}:v3`],
    [`prerequisite-change-id: ${change}:v1 # optional`, `c ${change}:v1`],
    [`Depends-on: ${change}:3`, `c ${change}:v3`],
    [`Depends-on: change-id: ${change}`, `c ${change}`],
    [`prerequisite-patch-id: ${hex('A')}`, `p ${hex('a')}`],
    [`Depends-on: patch-id: ${hex('a')}`, `p ${hex('a')}`],
    [`Depends-on: ${hex('a')}`, `p ${hex('a')}`],
    ['Supersedes: <a@b>', 's <a@b>'],
    [`change-id: ${change}`, `= ${change}`],
  ])('%s', (line, said) => expect(say(`Hello,\n\n${line}\nGoodbye\n`)).toBe(said))

  test.each([
    'Depends-on: f743061a85f5 ("serial: core: Initialise spin lock")',
    `Depends-on: ${hex('a')} ("serial: core: Initialise spin lock")`,
    'Depends-on: the series that Ann <ann@example.org> sent',
    'Depends-on: https://patchwork.example.org/series/12/',
    'Depends-on: https://ann@example.org/',
    'Based-on: $MESSAGE_ID',
    'Based-on: <https://example.org>',
    'Based-on:',
    '> Based-on: <a@b>',
    ' Based-on: <a@b>',
    '+Based-on: <a@b>',
    'This is Based-on: <a@b>',
    'Change-Id: Iba99e590f051638285d1d1949311a08f5a5f1a82',
    'prerequisite-patch-id: short',
    'Depends-on: <a@b\0c\r\nBcc: <evil@example.org>',
  ])('nothing in %j', line => expect(say(`Hello,\n${line}\n`)).toBe(''))

  test('of each kind so many', () => {
    const many = Array.from({ length: 400 }, (_, n) => `Based-on: <${n}@b>`).join('\n')
    expect(readLinks(many)?.dependsOn.messageIds).toHaveLength(linkLimits.messageIds)
  })

  test('a huge mail of such lines is read at once', () => {
    const lines = [
      `Based-on: ${' '.repeat(900)}x`,
      `Depends-on: ${'<'.repeat(900)}`,
      `supersedes:${'a@'.repeat(450)}`,
    ]
    const text = `${lines.join('\n')}\n`.repeat(5000)
    expect(readLinks(text)).toBeUndefined()
  })
})

describe('the base', () => {
  test.each([
    [`base-commit: ${hex('A')}`, hex('a')],
    ['base-commit: 11a48a5a18c6', '11a48a5a18c6'],
    [`> base-commit: ${hex('a')}`, undefined],
    ['base-commit: HEAD', undefined],
  ])('%s', (line, commit) => expect(baseCommit(`Hello\n${line}\n`)).toBe(commit))
})
