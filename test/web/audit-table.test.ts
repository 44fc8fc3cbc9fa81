// The audit log as a table: what there is not is no link.
import { expect, test } from 'vitest'
import { auditTable } from '../../src/web/operations/audit-table.ts'

test('what was done to a host leads to all that was; a host that there is not leads nowhere', async () => {
  const line = { at: 0, who: 'olga', by: 'web' as const, what: 'drain', reason: 'x' }
  const text = `${await auditTable([
    { ...line, about: 'host alpha', came: '' },
    { ...line, about: 'host alfa', came: 'no: there is no host alfa' },
  ])}`
  expect(text).toContain('<a href="/audit?about=host%20alpha" aria-label="All that was done to host alpha">')
  expect(text).toContain('<td>host alfa</td>')
})
