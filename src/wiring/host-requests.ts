// What a host is asked to do beside its work: to prove that its guests run, after maintenance or a power-on. The host's loop calls it;
// nothing is taken until it is answered.
import { Fault } from '../model/fault.ts'
import type { HostRequest } from '../model/maintenance.ts'
import type { Wired } from './wire.ts'

/** Does this host do what its guests rely on? undefined: it does; else why not, in one line. Throws the signal's reason. */
export type Prove = (signal: AbortSignal) => Promise<string | undefined>

type Ports = Pick<Wired, 'store' | 'clock' | 'log' | 'config'>

/** Those that wait for this host's answer, also what an earlier worker began and did not end. Throws the store's Faults. */
export const openRequests = ({ store, config }: Pick<Ports, 'store' | 'config'>): Promise<HostRequest[]> =>
  store.hostRequests({ host: config.host, open: true })

/** Why the host takes no work meanwhile. */
export const sayRequested = ([first]: HostRequest[]): string | undefined =>
  first && `it proves that its guests work (${first.why})`

/**
 * Answers all that is asked by one proof. Call it when nothing runs on this host. What is broken off by the signal stays open: whoever
 * comes next proves anew. Returns whether anything was asked. Throws the store's Faults, and what is no Fault, when it is noted.
 */
export const answerRequests = async (
  ports: Ports,
  { prove, signal }: { prove: Prove; signal: AbortSignal },
): Promise<boolean> => {
  const { store, clock, log, config } = ports
  const mine: { request: HostRequest; running: HostRequest['state'] }[] = []
  for (const request of await openRequests(ports)) {
    const running = { at: 'running', since: clock.now() } as const
    if (await store.moveHostRequest(request.id, request.state, running)) mine.push({ request, running })
  }
  if (mine.length === 0) return false
  const answer = async (why: string | undefined) => {
    const when = clock.now()
    const state =
      why === undefined ? ({ at: 'passed', when } as const) : ({ at: 'failed', when, why } as const)
    for (const { request, running } of mine) {
      if (!(await store.moveHostRequest(request.id, running, state))) continue
      if (why === undefined) log('info', `the host ${config.host} proved itself (${request.why})`)
      else log('error', `the host ${config.host} did not prove itself (${request.why}): ${why}`)
    }
  }
  try {
    await answer(await prove(signal))
  } catch (error) {
    if (signal.aborted) return true
    const isFault = error instanceof Fault
    await answer(isFault ? sayFault(error) : 'the proof itself failed; see the log of its worker')
    if (!isFault) throw error
  }
  return true
}

const sayFault = ({ message, remedy }: Fault): string => [message, remedy].filter(Boolean).join('; ')
