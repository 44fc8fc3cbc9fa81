// Whose verdict waits for the end of an incident: that of what fails alike (alike.ts), or that in whose shadow it was run (shadow.ts).
import type { Job, JobId } from '../../model/job.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { heldJobs } from './alike.ts'
import { shadedJobs } from './shadow.ts'

/** Of these jobs, which have no verdict. Throws the store's Faults. */
export const withheldJobs = async (store: Store, clock: Clock, jobs: Job[]): Promise<Set<JobId>> =>
  new Set([...(await heldJobs(store, clock, jobs)), ...(await shadedJobs(store, clock, { jobs })).keys()])
