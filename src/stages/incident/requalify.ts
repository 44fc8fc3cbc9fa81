// After trouble that guests may have suffered from: their host proves that they work, before it takes tasks again. Beside the flow.
import type { Incident, Trouble } from '../../model/incident.ts'
import type { Instant } from '../../model/instant.ts'
import type { HostRequest } from '../../model/maintenance.ts'
import { contentId } from '../../text/digest.ts'

const harmful: ReadonlySet<Trouble> = new Set(['disk-reserve', 'disk-error', 'guests-failing'])

/** What hosts are to be asked, now that it is over; each time that it is over once. */
export const requestsAfter = (live: Incident[], now: Instant): HostRequest[] =>
  live.flatMap(({ id, trouble, host, state, flaps }) =>
    host !== undefined && harmful.has(trouble) && state.at === 'monitoring'
      ? [
          {
            ...{ id: `q${contentId(15, id, flaps)}`, host, ask: 'verify' as const, at: now },
            ...{ why: `incident ${id} is over`, state: { at: 'asked' as const } },
          },
        ]
      : [],
  )
