// The part of the schema about virtual machines, their images, and the power of hosts.
import { z } from 'zod'
import { duration, size } from '../quantity.ts'
import { ca, day, line, named, namePattern, path, secretSchema, webAddress } from './words.ts'

const hardware = {
  memory: size(64, 64 * 1024).describe('Memory of the guest.'),
  cpus: z.int().min(1).max(16).default(1).describe('Processors of the guest. Default: 1.'),
}

const packages = z
  .array(
    z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, {
      error: 'must be the name of a Debian package, like libc6-dev',
    }),
  )
  .default([])

const os = z
  .enum(['linux', 'windows'])
  .default('linux')
  .describe('The guest’s system: it decides about shell, paths, clock and power-off. Default: linux.')

const libvirtName = line('a name').regex(/^[^-/][^/]*$/, {
  error: 'must be a name, without "/" and not beginning with "-"',
})

const image = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('debian'),
        packages: packages.describe('Debian packages besides those that every guest has. Default: none.'),
        ...hardware,
        memory: hardware.memory.prefault('1 GiB').describe('Memory of the guest. Default: 1 GiB.'),
        disk: size(512, 1024 * 1024)
          .prefault('4 GiB')
          .describe('Size of the guest’s disk. It takes only what is written to it. Default: 4 GiB.'),
      })
      .describe('A Debian system from a list of packages.'),
    z
      .strictObject({
        kind: z.literal('busybox'),
        packages: packages.describe(
          'Debian packages whose files are copied into it, with the libraries that they need. Default: none.',
        ),
        ...hardware,
        memory: hardware.memory.prefault('256 MiB').describe('Memory of the guest. Default: 256 MiB.'),
      })
      .describe('A kernel, a static busybox and the agent, all in memory. It has no disk.'),
    z
      .strictObject({
        kind: z.literal('imported'),
        os,
        firmware: z
          .enum(['bios', 'uefi'])
          .default('bios')
          .describe('What the disk boots with; uefi needs the package ovmf. Default: bios.'),
        disk: z
          .enum(['virtio', 'sata'])
          .optional()
          .describe(
            'What the guest’s disk hangs on. virtio is faster, and needs its driver in the guest. Default: virtio for linux, sata for windows.',
          ),
        ...hardware,
        memory: hardware.memory.prefault('2 GiB').describe('Memory of the guest. Default: 2 GiB.'),
      })
      .describe('A disk with the guest agent in it, brought in by `grapevine image import`.'),
    z
      .strictObject({
        kind: z.literal('libvirt'),
        os,
        uri: line('a URI')
          .default('qemu:///system')
          .describe(
            'The libvirt to connect to: qemu:///system, qemu+ssh://user@host/system. Default: qemu:///system.',
          ),
        domain: libvirtName.describe('The domain. Nobody else may use it.'),
        snapshot: libvirtName.describe('Its snapshot of a running guest whose agent answers.'),
        ...hardware,
        memory: hardware.memory.prefault('2 GiB').describe('Memory of the domain. Default: 2 GiB.'),
      })
      .describe('A domain with a snapshot in libvirt, used as it is.'),
  ])
  .describe('A kind of guest.')

const power = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('ipmi'),
        host: line('a host').describe('Host name or address of the BMC.'),
        port: z.int().min(1).max(65_535).default(623).describe('UDP port. Default: 623.'),
        user: line('a user').describe('User name.'),
        password: secretSchema.describe('Password: { env: NAME } or { file: PATH }.'),
        cipher: z
          .int()
          .min(0)
          .max(17)
          .optional()
          .describe('Cipher suite (ipmitool -C). Default: what ipmitool chooses.'),
      })
      .describe('IPMI 2.0 (lanplus), by ipmitool.'),
    z
      .strictObject({
        kind: z.literal('redfish'),
        url: webAddress
          .refine(url => /^https:/i.test(url), { error: 'must begin with https://: a password goes there' })
          .describe('Address of the BMC, like https://bmc1.example.org.'),
        system: line('a system')
          .optional()
          .describe('Id of the system, where there are several. Default: the only one.'),
        user: line('a user').describe('User name.'),
        password: secretSchema.describe('Password: { env: NAME } or { file: PATH }.'),
        ca,
      })
      .describe('Redfish (DMTF DSP0266).'),
    z
      .strictObject({
        kind: z.literal('command'),
        run: z
          .array(line('a word'))
          .min(1, { error: 'there is no program' })
          .describe(
            'Program and arguments, without a shell; status, on, off or cycle is added. status prints on or off.',
          ),
      })
      .describe('A command of your own.'),
  ])
  .describe('How its power is switched.')

export const farm = z
  .strictObject({
    data: path
      .optional()
      .describe(
        'Folder of images, templates and clones, on a disk of this host. Relative to this file. Default: "farm" in data. GRAPEVINE_FARM_DATA wins.',
      ),
    slots: z
      .int()
      .min(1)
      .max(256)
      .optional()
      .describe(
        'How many guests of one processor run at the same time; one with more takes as many slots. Default: the number of processors.',
      ),
    memory: size(128, 16 * 1024 * 1024)
      .optional()
      .describe(
        'Memory that all running guests may have together. Default: three quarters of this host’s memory.',
      ),
    pool: z
      .int()
      .min(0)
      .max(64)
      .default(1)
      .describe(
        'Clones kept ready, forked and paused, for each template that was used lately. They take no slot. Default: 1.',
      ),
    reserve: size(64, 16 * 1024 * 1024)
      .optional()
      .describe(
        'Room on the disk of data that is never touched: what would touch it is refused before it starts. Default: 10 % of the disk, but at most 5 GiB.',
      ),
    user: z
      .string()
      .regex(/^([a-z_][a-z0-9_-]{0,31}|[1-9][0-9]{0,8})$/, {
        error: 'must be the name or number of a user other than root',
      })
      .optional()
      .describe(
        'User that QEMU runs as, where the worker is root. Default: a number that no user of this host has.',
      ),
    backup: z
      .strictObject({
        folder: path
          .optional()
          .describe(
            'Folder of back-ups of images and templates, best on another disk. Relative to this file. Default: "backups" in farm.data.',
          ),
        keep: z
          .int()
          .min(1)
          .max(1000)
          .default(3)
          .describe('How many back-ups of each image and template are kept. Default: 3.'),
      })
      .prefault({})
      .describe('Back-ups of images and templates.'),
    accelerator: z
      .enum(['auto', 'kvm', 'tcg'])
      .default('auto')
      .describe('auto: KVM where a guest really boots with it, else TCG, which is slower. Default: auto.'),
    images: named(image, 'there is no image: at least one is needed').describe(
      'The kinds of guests, by name. Recipes refer to these names.',
    ),
    power: z
      .strictObject({
        after: duration(60_000, 7 * day)
          .optional()
          .describe('A host that was not heard of for so long is power-cycled. Default: never by itself.'),
        cooldown: duration(60_000, 7 * day)
          .prefault('1 h')
          .describe('So long after the last power action nothing is done to a host by itself. Default: 1 h.'),
        perDay: z
          .int()
          .min(1)
          .max(100)
          .default(3)
          .describe('So often in 24 hours a host is power-cycled by itself at the most. Default: 3.'),
      })
      .prefault({})
      .describe('When hosts are power-cycled without a person.'),
    hosts: z
      .record(z.string(), z.strictObject({ power: power.optional() }))
      .default({})
      .meta({ propertyNames: { pattern: namePattern.source } })
      .describe('Hosts whose power can be switched, by the names that their workers have. Default: none.'),
  })
  .describe('The virtual machines of this host.')
