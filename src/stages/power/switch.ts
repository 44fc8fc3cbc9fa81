// Switches a host's power, for an operator or for Grapevine itself: noted first, then done. What comes back proves itself before it works.
import { Fault } from '../../model/fault.ts'
import { nextIncident } from '../../model/incident-machine.ts'
import type { PowerAct, PowerAction } from '../../model/power.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Power } from '../../ports/power.ts'
import type { Store } from '../../ports/store.ts'
import { contentId } from '../../text/digest.ts'

export type SwitchPorts = { store: Store; clock: Clock }

export type Switching = {
  host: string
  power: Power
  act: PowerAct
  by: string
  why: string
  /** Asked in the transaction that notes it, with what was done in the last 24 hours to any host. */
  may: (recent: PowerAction[]) => boolean
  /** Called between noting and doing it. */
  announce?: (action: PowerAction) => Promise<void>
}

/** failed: what the switch said; it may have been done all the same. */
export type Switched = { at: 'done' } | { at: 'failed'; fault: Fault } | { at: 'refused' }

/** Why a host is asked to prove itself after this. */
export const afterPowerOn = 'power-on'

export const requestOf = ({ id }: Pick<PowerAction, 'id'>): string => `${id}-verify`

/** Throws the store's Faults, and then nothing is switched, or what was is noted. */
export const switchPower = async (ports: SwitchPorts, wish: Switching): Promise<Switched> => {
  const { store, clock } = ports
  const { host, power, act, by, why } = wish
  const at = clock.now()
  const action: PowerAction = {
    ...{ id: `p${contentId(15, host, act, at, by)}`, host, act, at, by, why, state: { at: 'begun' } },
  }
  if (!(await store.addPowerAction(action, wish.may))) return { at: 'refused' }
  if (act !== 'off') await ask(ports, action, requestOf(action))
  await wish.announce?.(action)
  try {
    await power.act(act)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    await store.endPowerAction(action.id, { at: 'failed', when: clock.now(), why: error.message })
    await note(ports, action, `power ${act} failed: ${error.message}`)
    return { at: 'failed', fault: error }
  }
  await store.endPowerAction(action.id, { at: 'done', when: clock.now() })
  // Whoever answered in the meantime was the worker from before.
  if (act !== 'off') await askAgain(ports, action)
  await note(ports, action, `${said[act]}: ${why}`)
  return { at: 'done' }
}

const said: Record<PowerAct, string> = {
  on: 'switched its power on',
  off: 'switched its power off',
  cycle: 'switched its power off and on',
}

const ask = ({ store, clock }: SwitchPorts, { host }: PowerAction, id: string): Promise<boolean> =>
  store.addHostRequest({
    ...{ id, host, ask: 'verify', why: afterPowerOn, at: clock.now(), state: { at: 'asked' } },
  })

const askAgain = async (ports: SwitchPorts, action: PowerAction): Promise<void> => {
  const open = await ports.store.hostRequests({ host: action.host, open: true })
  if (open.length === 0) await ask(ports, action, `${requestOf(action)}-again`)
}

/** Into the log of the incident that tells of its silence, if there is one. */
const note = async (
  { store, clock }: SwitchPorts,
  { host, by }: PowerAction,
  what: string,
): Promise<void> => {
  const incident = await store.liveIncident({ trouble: 'host-lost', host, about: host })
  if (!incident) return
  await store.changeIncident(incident.id, one => {
    const next = nextIncident(one, { on: 'noted', by, what }, clock.now())
    return next === 'forgotten' ? one : next
  })
}
