// The power switch of a host with a BMC that speaks Redfish (DMTF DSP0266): finds the system, and what it can be asked for.
import { z } from 'zod'
import type { PowerAct } from '../../model/power.ts'
import type { Power } from '../../ports/power.ts'
import { type Redfish, type RedfishSession, withSession } from './redfish-session.ts'

const Link = z.object({ '@odata.id': z.string() })
const Root = z.object({ Systems: Link })
const Members = z.object({ Members: z.array(Link) })
const Values = z.array(z.string()).optional().catch(undefined)
const System = z.object({
  PowerState: z.string().nullish(),
  Actions: z
    .object({
      '#ComputerSystem.Reset': z.object({
        target: z.string(),
        'ResetType@Redfish.AllowableValues': Values,
        '@Redfish.ActionInfo': z.string().optional().catch(undefined),
      }),
    })
    .optional()
    .catch(undefined),
})
const ActionInfo = z.object({ Parameters: z.array(z.object({ Name: z.string(), AllowableValues: Values })) })
type System = z.infer<typeof System>
type Found = { path: string; system: System }

/** Faults: unreachable, timeout, refused, malformed. */
export const redfishPower = (
  given: Redfish & { /** Id, where there are several. */ system: string | undefined },
): Power => ({
  status: () =>
    withSession(given, async session => stateOf(session, (await findSystem(session, given.system)).system)),
  act: act =>
    withSession(given, async session => {
      const found = await findSystem(session, given.system)
      const { target, type } = await wanted(session, found, act)
      await session.post(target, { ResetType: type }, found.path)
    }),
})

const lastOf = (path: string): string => path.replace(/\/+$/, '').split('/').at(-1) ?? ''

const findSystem = async (session: RedfishSession, id: string | undefined): Promise<Found> => {
  const root = await session.get('/redfish/v1/', Root)
  const { Members: members } = await session.get(root.Systems['@odata.id'], Members)
  const paths = members.map(member => member['@odata.id'])
  const mine = id === undefined ? paths : paths.filter(path => lastOf(path) === id)
  const [path] = mine
  if (path !== undefined && mine.length === 1) return { path, system: await session.get(path, System) }
  const names = paths.slice(0, 20).map(lastOf).join(', ') || 'none'
  throw session.fault('refused', id === undefined ? 'it has not just one system' : `it has no system ${id}`, {
    remedy: `name one as farm.hosts: system; there are: ${names}`,
  })
}

const stateOf = (session: RedfishSession, { PowerState: state }: System): 'on' | 'off' => {
  // While it goes on it is on, and while it goes off it is off: a cycle then waits for nothing.
  if (state === 'On' || state === 'PoweringOn' || state === 'Paused') return 'on'
  if (state === 'Off' || state === 'PoweringOff') return 'off'
  throw session.fault('malformed', 'it gives no power state of the system')
}

/** In the order of preference: what hangs does not go down gracefully. */
const wishes: Record<PowerAct, string[]> = {
  on: ['On', 'ForceOn'],
  off: ['ForceOff'],
  cycle: ['PowerCycle', 'ForceRestart', 'FullPowerCycle'],
}

const wanted = async (
  session: RedfishSession,
  { system }: Found,
  act: PowerAct,
): Promise<{ target: string; type: string }> => {
  const reset = system.Actions?.['#ComputerSystem.Reset']
  if (!reset) throw session.fault('refused', 'its system cannot be reset')
  // What is off cannot be cycled.
  const does = act === 'cycle' && stateOf(session, system) === 'off' ? 'on' : act
  const allowed =
    reset['ResetType@Redfish.AllowableValues'] ??
    (await fromActionInfo(session, reset['@Redfish.ActionInfo']))
  const type = wishes[does].find(wish => allowed?.includes(wish) ?? true)
  if (type !== undefined) return { target: reset.target, type }
  throw session.fault('refused', `it knows no way for power ${act}: ${allowed?.slice(0, 20).join(', ')}`)
}

/** DSP0266 §"Action info": where the values are not given in the system itself. */
const fromActionInfo = async (
  session: RedfishSession,
  path: string | undefined,
): Promise<string[] | undefined> => {
  if (path === undefined) return undefined
  const info = await session.get(path, ActionInfo)
  return info.Parameters.find(({ Name }) => Name === 'ResetType')?.AllowableValues
}
