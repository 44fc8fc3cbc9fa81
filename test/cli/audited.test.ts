// What is done at the keyboard stands in the audit log as well.
import { expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import { writeDown } from '../../src/cli/audited.ts'

test('who, what and why, each in one clean line', async () => {
  const store = await openStore({ folder: ':memory:' })
  await writeDown({ env: { SUDO_USER: 'olga' } }, store, {
    ...{ what: 'drain', about: 'host alpha\u001b[31m', reason: 'new\r\ndisk' },
  })
  const [audit] = await store.audits({ about: 'host alpha', limit: 1 })
  expect(audit).toMatchObject({ by: 'cli', what: 'drain', about: 'host alpha', reason: 'new disk', came: '' })
  expect(audit?.who).toMatch(/^olga@/)
  await store.close()
})
