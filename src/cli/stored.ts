// For commands that only look things up: the store of the configuration, opened and closed around them.
import type { Store } from '../ports/store.ts'
import type { CliDeps } from './deps.ts'

export const withStore = async (deps: CliDeps, look: (store: Store) => Promise<void>): Promise<void> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const { openStore } = await import('../adapters/sql/store.ts')
  const url = config.databaseUrl?.reveal()
  const store = await openStore({ folder: config.data, ...(url === undefined ? {} : { url }) })
  try {
    await look(store)
  } finally {
    await store.close()
  }
}
