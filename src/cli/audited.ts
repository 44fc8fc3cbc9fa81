// What operators do at the keyboard, in the audit log: beside what is done on the pages and by the API.
import { randomUUID } from 'node:crypto'
import type { Audit } from '../model/access.ts'
import type { Store } from '../ports/store.ts'
import { oneLine } from '../text/clean.ts'
import type { CliDeps } from './deps.ts'
import { operator } from './holds.ts'

/** Call it when it is done. Throws the store's Faults. */
export const writeDown = (
  { env }: Pick<CliDeps, 'env'>,
  store: Pick<Store, 'addAudit'>,
  { what, about, reason = '' }: Pick<Audit, 'what' | 'about'> & { reason?: string | undefined },
): Promise<void> =>
  store.addAudit({
    ...{ id: randomUUID(), at: Date.now(), who: operator(env), by: 'cli', what, came: '' },
    ...{ about: oneLine(about, 200), reason: oneLine(reason, 500) },
  })
