// libvirt's words for a domain's state, and which ending each means. What a real guest can be made to do is in libvirt.test.ts.
import { expect, test } from 'vitest'
import { factsOf, isLive, snapshotIdentity } from '../../src/farm/libvirt/facts.ts'
import { fateOf, type Seen } from '../../src/farm/libvirt/fate.ts'

const seen = (said: string, more: Partial<Seen> = {}): Seen => {
  const [, state = said, reason = ''] = /^(.*?) \((.*)\)$/.exec(said) ?? []
  return { state, reason, events: [], diskErrors: '', console: '', ...more }
}

const panicked = [
  "2026-11-22 07:44:57.579+0000: event 'lifecycle' for domain 'guest': Crashed Panicked",
  "2026-11-22 07:44:57.600+0000: event 'lifecycle' for domain 'guest': Stopped Crashed",
]
const rebooted = ["2026-11-22 07:44:57.579+0000: event 'reboot' for domain 'guest'"]

test.each<[string, Partial<Seen>, unknown]>([
  ['running (from snapshot)', {}, undefined],
  ['running (unpaused)', {}, undefined],
  ['in shutdown (user)', {}, undefined],
  ['paused (starting up)', {}, undefined],
  ['paused (saving)', {}, undefined],
  ['shut off (shutdown)', {}, { kind: 'powered-off' }],
  ['pmsuspended', {}, { kind: 'powered-off' }],
  ['crashed (panicked)', {}, { kind: 'crashed', how: 'panic' }],
  ['shut off (crashed)', { events: panicked }, { kind: 'crashed', how: 'panic' }],
  [
    'shut off (shutdown)',
    { console: '[ 9.1] Kernel panic - not syncing: x' },
    { kind: 'crashed', how: 'panic' },
  ],
  ['running (from snapshot)', { events: rebooted }, { kind: 'crashed', how: 'reset' }],
  ['paused (watchdog)', {}, { kind: 'crashed', how: 'reset' }],
  ['shut off (crashed)', {}, { kind: 'vm-died', detail: 'libvirt says: shut off (crashed)' }],
  ['shut off (destroyed)', {}, { kind: 'vm-died', detail: 'libvirt says: shut off (destroyed)' }],
  ['shut off (failed)', {}, { kind: 'vm-died', detail: 'libvirt says: shut off (failed)' }],
  ['paused (user)', {}, { kind: 'vm-died', detail: 'somebody paused the domain: paused (user)' }],
  [
    'paused (I/O error)',
    { diskErrors: 'vda: no space' },
    { kind: 'out-of-space', detail: 'a disk of the domain: vda: no space' },
  ],
  [
    'paused (I/O error)',
    { diskErrors: 'vda: unspecified error' },
    { kind: 'disk-error', detail: 'a disk of the domain: vda: unspecified error' },
  ],
])('%s %j', (said, more, ending) => {
  expect(fateOf(seen(said, more))).toEqual(ending)
})

const snapshot = (parent: string, created: number) => `<domainsnapshot>
  <name>ready</name>
  <state>running</state>${parent}
  <creationTime>${created}</creationTime>
  <memory snapshot='internal'/>
</domainsnapshot>`

test('a snapshot is the same one under another parent, and another one when it was made anew', () => {
  const first = snapshot('', 1)
  const under = snapshot('\n  <parent>\n    <name>x</name>\n  </parent>', 1)
  expect(snapshotIdentity(under)).toBe(snapshotIdentity(first))
  expect(snapshotIdentity(snapshot('', 2))).not.toBe(snapshotIdentity(first))
  expect(isLive(first)).toBe(true)
  expect(isLive(first.replace('running', 'shutoff'))).toBe(false)
})

test('a domain’s agent, generation id and consoles are seen', () => {
  const xml = `<domain type='kvm'>
  <genid>d83dd515</genid>
  <on_reboot>destroy</on_reboot>
    <serial type='pty'>
      <log file='/var/log/a.log' append='off'/>
    </serial>
    <console type='file'>
      <source path='/var/log/b.log'/>
    </console>
    <channel type='unix'>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
    </channel>`
  expect(factsOf(xml)).toEqual({
    hasAgent: true,
    hasGenerationId: true,
    consoleFiles: ['/var/log/a.log', '/var/log/b.log'],
    restartsOnReboot: false,
    hasPanicDevice: false,
  })
})
