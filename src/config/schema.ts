// The shape of grapevine.yaml, and the only place where it is written down: load.ts checks with it, json-schema.ts prints it for editors.
import { z } from 'zod'
import { duration, size } from './quantity.ts'

const minute = 60_000
const day = 24 * 60 * minute

/** Text on one line. */
const line = (what: string) =>
  z
    .string()
    .min(1, { error: 'must not be empty' })
    .regex(/^[^\u0000-\u001f\u007f]*$/, { error: `${what} must be one line, without control characters` })

/** Of images, projects and sources: safe in file names, ids and tables. */
const namePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/
const nameRule =
  'a name is made of a–z, 0–9, ".", "_" and "-" (64 at most), and begins with a letter or digit'
const name = () => z.string().regex(namePattern, { error: nameRule })

/** A bad key does not keep the value from being checked, as the key schema of z.record would. */
const named = <T extends z.ZodType>(value: T, error: string) =>
  z
    .record(z.string(), value)
    .refine(all => Object.keys(all).length > 0, { error })
    .meta({ propertyNames: { pattern: namePattern.source }, minProperties: 1 })

/** What is wrong with the keys of farm.images and projects. */
export const badName = (key: string): string | undefined => (namePattern.test(key) ? undefined : nameRule)

const path = line('a path')

const webAddress = line('an address').refine(text => /^https?:\/\/[^\s/@]+(\/[^\s]*)?$/i.test(text), {
  error: 'must be an address that begins with http:// or https://, without a user in it',
})

const inSource = line('a path').refine(
  text => !text.startsWith('/') && !text.startsWith('-') && !text.split('/').includes('..'),
  { error: 'must be a path inside the source folder: not absolute, no "..", no "-" in front' },
)

const address = z.string().regex(/^[^\s@<>()[\]",;:\\]+@[^\s@<>()[\]",;:\\]+$/, {
  error: 'must be a mail address, like grapevine@example.org',
})

const person = (whatFor: string) =>
  z
    .strictObject({
      name: z
        .string()
        .regex(/^[^\u0000-\u001f\u007f]*$/, {
          error: 'a name must be one line, without control characters',
        })
        .default('')
        .describe('The name beside the address. Default: none.'),
      address: address.describe('The mail address alone.'),
    })
    .describe(whatFor)

/** A secret never stands in the file; only where to find it does. */
export const secretSchema = z
  .union(
    [
      z.strictObject({
        env: z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'must be the name of an environment variable' })
          .describe('Name of the environment variable that holds the secret.'),
      }),
      z.strictObject({
        file: path.describe(
          'File that holds the secret and nothing else; relative to this file. Only its owner should be able to read it.',
        ),
      }),
    ],
    {
      error: issue =>
        issue.input === undefined || issue.input === null
          ? undefined
          : typeof issue.input === 'object'
            ? 'must be { env: NAME } or { file: PATH }, one of the two'
            : 'a secret must not stand in this file: put it into an environment variable and write { env: NAME }, or into a file and write { file: PATH }',
    },
  )
  .describe('Where a secret is found. The secret itself must never stand in this file.')

/** A day of the calendar, in UTC, as milliseconds. */
const calendarDay = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, { error: 'must be a day in quotes, like "2026-01-31"' })
  .refine(text => !Number.isNaN(Date.parse(text)), { error: 'there is no such day' })
  .transform(text => Date.parse(text))

const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: 'must be a time in quotes, like "06:00"' })
  .transform(text => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)))

const login = {
  password: secretSchema.optional().describe('Password: { env: NAME } or { file: PATH }.'),
  token: secretSchema
    .optional()
    .describe(
      'OAuth 2.0 access token instead of a password. A file is read anew at each login, so that another program can renew it.',
    ),
}
const ca = path
  .optional()
  .describe(
    'File (PEM) with the certificate of the authority that signed the server’s. Relative to this file. Default: the authorities that Node.js knows.',
  )

const smtp = z
  .strictObject({
    host: line('a host').describe('Host name of the mail server.'),
    port: z.int().min(1).max(65_535).default(25).describe('TCP port. Default: 25.'),
    secure: z
      .boolean()
      .default(false)
      .describe(
        'true: TLS from the first byte (port 465). false: STARTTLS where the server offers it. Default: false.',
      ),
    user: line('a user')
      .optional()
      .describe('User name for authentication. Default: none, no authentication.'),
    ...login,
    ca,
  })
  .describe('The mail server that takes the replies.')

const dkim = z
  .strictObject({
    domain: line('a domain').describe('Signing domain, that of the bot’s address.'),
    selector: line('a selector').describe('The key is published at SELECTOR._domainkey.DOMAIN.'),
    key: z
      .strictObject({ file: path.describe('File with the private key (PEM). Relative to this file.') })
      .describe('The private key: { file: PATH }.'),
  })
  .describe('Signs what is sent (DKIM). Default: not signed.')

const count = (value: number, what: string) =>
  z.int().min(1).max(1_000_000).default(value).describe(`${what} Default: ${value}.`)

const caps = z
  .strictObject({
    thread: count(10, 'In one thread.'),
    author: count(50, 'To one address that is not a list.'),
    total: count(1000, 'In all.'),
  })
  .describe(
    'How many mails may leave in 24 hours. What is over is not sent, and the administrator hears of it.',
  )

const since = calendarDay
  .optional()
  .describe(
    'Mail that arrived before this day (UTC) is passed over, whenever the source is read. Default: everything is read.',
  )
const sourceName = name()
  .optional()
  .describe(
    'What this source is called; its reading position is kept under this name. Default: PROJECT-KIND-NUMBER, counted from 1.',
  )
const folderPath = path.describe('Where it is. Relative to this file.')
const folder = <Kind extends string>(kind: Kind, what: string) =>
  z.strictObject({ kind: z.literal(kind), path: folderPath, since, name: sourceName }).describe(what)
const source = z
  .discriminatedUnion('kind', [
    folder('mbox', 'One file.'),
    folder('maildir', 'A folder with new and cur.'),
    folder('public-inbox', 'A v2 git archive.'),
    z
      .strictObject({
        kind: z.literal('imap'),
        host: line('a host').describe('Host name of the IMAP server.'),
        port: z.int().min(1).max(65_535).optional().describe('TCP port. Default: 993, or 143 if not secure.'),
        secure: z
          .boolean()
          .default(true)
          .describe('true: TLS from the first byte. false: STARTTLS. Default: true.'),
        user: line('a user').describe('User name.'),
        ...login,
        ca,
        mailbox: line('a mailbox').default('INBOX').describe('The mailbox. Default: INBOX.'),
        since,
        name: sourceName,
      })
      .describe('A mailbox of an IMAP server.'),
  ])
  .describe('Where mail is read from. Nothing in it is changed.')

const who = line('a word').regex(/^(author|anyone|[^\s@]*@[^\s@]+)$/, {
  error: 'must be author, anyone, a mail address, or @domain',
})

const mail = z
  .strictObject({
    live: z
      .boolean()
      .default(false)
      .describe(
        'false: every mail goes to the administrator, with the intended recipients shown in it. true: replies go to the list and the author. Default: false.',
      ),
    maildir: path
      .optional()
      .describe(
        'Folder (Maildir) that replies are delivered into, for trying out. Exactly one of maildir and smtp.',
      ),
    smtp: smtp.optional(),
    dkim: dkim.optional(),
    inbox: z
      .array(source)
      .default([])
      .describe(
        'The bot’s own mailboxes: bounces and commands are read here, and mail of any list of the projects, told apart by List-Id. Default: none.',
      ),
    caps: caps.prefault({}),
    lookFor: duration(1000, 60 * day)
      .optional()
      .describe(
        'How long a mail of which nobody knows whether it left is looked for before it is sent again. Default: 5 min; without inbox, where only the list itself can tell, 1 h.',
      ),
  })
  .describe('How mail leaves, and what comes to the bot itself.')

const assemble = z
  .strictObject({
    quiet: duration(1, day)
      .prefault('10 s')
      .describe(
        'How long a series with missing parts waits at the least, from when its newest part was read, however old that is. Default: 10 s.',
      ),
    deadline: duration(1000, 60 * day)
      .prefault('24 h')
      .describe(
        'How long a series waits for its missing parts, from the arrival of its newest one. Default: 24 h.',
      ),
    partial: duration(1000, 60 * day)
      .prefault('30 min')
      .describe(
        'When a new version that has only some of its parts is filled up from the version before, from the arrival of its newest part. Default: 30 min.',
      ),
  })
  .describe('How series are put together.')

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

const farm = z
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

const step = z.strictObject({
  name: line('a name').max(60, { error: 'must be at most 60 characters' }).describe('What people call it.'),
  run: z
    .string()
    .min(1, { error: 'must not be empty' })
    .regex(/^[^\u0000]*$/, { error: 'must not hold a NUL byte' })
    .describe('A command for the guest’s shell, run in the source folder.'),
  timeout: duration(1000, day).prefault('10 min').describe('When the command is stopped. Default: 10 min.'),
})

/** Compiles; how long it may take is bounded by the length of lines that it is given. */
const regexp = z
  .string()
  .min(1)
  .max(500)
  .refine(
    text => {
      try {
        return new RegExp(text) instanceof RegExp
      } catch {
        return false
      }
    },
    { error: 'is no regular expression' },
  )

const testStep = step.extend({
  report: z
    .enum([
      'wine',
      'tap',
      'ktap',
      'sparse',
      'junit',
      'ctest',
      'automake',
      'go',
      'pytest',
      'cargo',
      'meson',
      'pattern',
      'exit-code',
    ])
    .default('exit-code')
    .describe(
      'What its report looks like. wine: Wine’s test summary lines · tap: Test Anything Protocol · ktap: the kernel’s · sparse: sparse’s make check · junit: JUnit XML (files) · ctest · automake: make check, or .trs (files) · go: go test -json · pytest: with -rA · cargo: libtest · meson: meson test · pattern: your own · exit-code: one test, passed if it exits with 0. Default: exit-code.',
    ),
  files: z
    .array(inSource)
    .optional()
    .describe(
      'Globs of report files that it leaves below the source folder. Default: what it prints is the report.',
    ),
  pattern: z
    .strictObject({
      passed: regexp.optional().describe('A line of a test that passed.'),
      failed: regexp.describe('A line of a test that failed.'),
      skipped: regexp.optional().describe('A line of a test that was skipped.'),
      end: regexp.optional().describe('A line without which the report is cut off. Default: none.'),
    })
    .optional()
    .describe(
      'Of report: pattern. Regular expressions with a group (?<test>…), and (?<message>…) if there is one.',
    ),
  only: z
    .string()
    .regex(/\{tests\}/, { error: 'must hold {tests}, where the names of the tests go' })
    .optional()
    .describe(
      'Command that runs only some of its tests: {tests} stands for their names, quoted for the shell. Default: the whole step is run again.',
    ),
})

/** What is missing would be found only when the step runs. */
const wholeTestStep = testStep.refine(
  ({ report, pattern }) => report !== 'pattern' || pattern !== undefined,
  { path: ['pattern'], error: 'is missing: report: pattern needs its regular expressions' },
)

const concern = z.strictObject({
  paths: z.array(line('a glob')).min(1, { error: 'there is no glob' }).describe('Globs of changed files.'),
  steps: z.array(line('a name')).default([]).describe('Test steps that they concern. Default: none.'),
  tests: z
    .array(line('a glob'))
    .default([])
    .describe('Globs of tests’ names that they concern. Default: none.'),
})

const dependencies = z
  .strictObject({
    files: z
      .array(inSource)
      .min(1, { error: 'there is no glob' })
      .describe('Globs of files with rules in the form of make, which the build leaves, like **/*.d.'),
    target: regexp
      .optional()
      .describe(
        'Regular expression on a rule’s target, whose group (?<test>…) is the test. Default: the target is its name.',
      ),
  })
  .describe('What the build says of which test needs which file.')

const imageName = name()

const branchRule = z.strictObject({
  branch: line('a branch').describe('Branch or tag.'),
  tags: z
    .array(line('a tag'))
    .default([])
    .describe('Words in the brackets of the subject, like net-next. Default: any.'),
  paths: z.array(line('a glob')).default([]).describe('Globs; one changed file must match. Default: any.'),
})

const replyPolicy = z
  .strictObject({
    author: z
      .enum(['always', 'failures', 'never'])
      .default('always')
      .describe('What the author gets a mail of. failures: only what needs something done. Default: always.'),
    list: z
      .enum(['new-failures', 'always', 'never', 'digest'])
      .default('new-failures')
      .describe('What the list gets a copy of. digest: one mail a day, instead. Default: new-failures.'),
    unchanged: z
      .enum(['silent', 'say'])
      .default('silent')
      .describe('A new version with the same failures as the one before. Default: silent.'),
    digestAt: timeOfDay.prefault('06:00').describe('When digests leave, UTC. Default: 06:00.'),
  })
  .describe('Who hears what.')

const chance = (value: number, what: string) =>
  z.number().gt(0).lt(0.5).default(value).describe(`${what} Default: ${value}.`)
const many = (value: number, most: number, what: string) =>
  z.int().min(1).max(most).default(value).describe(`${what} Default: ${value}.`)

const proof = z
  .strictObject({
    blame: chance(0.001, 'Chance that a series that breaks nothing is blamed for something.'),
    miss: chance(0.01, 'Chance that a test that the patches break is let go.'),
    rate: z
      .number()
      .min(0.05)
      .max(1)
      .default(0.3)
      .describe('Least share of runs in which a break must show to be looked for. Default: 0.3.'),
    pairs: many(100, 1000, 'Most runs of one test with and as many without the patches.'),
    stepPairs: many(12, 1000, 'The same where a whole step has to be run for it.'),
    budget: duration(1000, 7 * day)
      .prefault('2 h')
      .describe('Time of virtual machines that the proof of one series may take. Default: 2 h.'),
    likely: z
      .number()
      .min(0)
      .max(10)
      .default(0.08)
      .describe(
        'How much longer the tests that the patches concern are run, as a share of one run of everything; finds what fails seldom. Default: 0.08.',
      ),
    bases: many(30, 1000, 'So many bases make the history of a test.'),
    bisect: z
      .boolean()
      .default(true)
      .describe(
        'Failures are traced to one patch of the series, and each patch is built by itself. Default: true.',
      ),
    nightlyAt: timeOfDay
      .optional()
      .describe('When the bases are tested every night, UTC. Default: only when they moved.'),
    alike: z
      .strictObject({
        authors: many(3, 100, 'So many authors.'),
        within: duration(60_000, 7 * day)
          .prefault('2 h')
          .describe('Within that time. Default: 2 h.'),
      })
      .prefault({})
      .describe(
        'The same new failure in series of so many authors is held back until an operator has looked.',
      ),
  })
  .describe('How failures are proven before anybody is blamed.')

const may = (whom: string[], what: string) =>
  z
    .array(who)
    .default(whom)
    .describe(`Who may ${what} Default: ${whom.join(', ')}.`)

const trust = z
  .strictObject({
    firstTime: z
      .enum(['run', 'hold'])
      .default('run')
      .describe('hold: patches of authors who never had one tested wait for an operator’s go. Default: run.'),
    commands: z
      .strictObject({
        test: may(['author'], 'have a series tested elsewhere.'),
        retest: may(['author'], 'have it tested again.'),
        cancel: may(['author'], 'have it left alone.'),
        status: may(['anyone'], 'ask how it stands.'),
        help: may(['anyone'], 'ask for help.'),
      })
      .prefault({})
      .describe(
        'Who may do what by mail: author (of the series), anyone, addresses, @domain. Operators may do all.',
      ),
  })
  .describe('Who is trusted with what.')

const some = (what: string) => z.array(line('a word')).default([]).describe(`${what} Default: none.`)

const bugRule = z.strictObject({
  on: z.enum(['passed', 'failed', 'landed']).describe('What happened to the series.'),
  from: some('Only bugs in one of these states, like NEW. An empty list: in any.'),
  status: line('a status').optional().describe('New status.'),
  resolution: line('a resolution').optional().describe('New resolution, with a status that is closed.'),
  addKeywords: some('Keywords (GitHub: labels) that are added.'),
  removeKeywords: some('Keywords (GitHub: labels) that are taken away.'),
  whiteboard: line('a text').optional().describe('What stands in the whiteboard, as [grapevine: TEXT].'),
  seeAlso: some('Addresses for see_also; {mail} stands for the link to the mail.'),
})

const sync = z
  .strictObject({
    products: some('Bugs of these products: each comes to the list.'),
    bugs: z
      .array(
        z.union([
          z.int().min(1),
          line('a bug').regex(/^(#?[1-9]\d{0,9}|https?:\/\/\S+)$/, {
            error: 'must be a number or an address',
          }),
        ]),
      )
      .default([])
      .describe('Single bugs, by number or address. Default: none.'),
    flag: line('a flag').optional().describe('Bugs with this flag (GitHub: label). Default: none.'),
    track: may(['author'], 'say /grapevine track in a thread.'),
    idle: duration(60_000, 3650 * day)
      .prefault('30 d')
      .describe(
        'So long nobody said anything: a thread and a bug are no longer kept in step. Default: 30 d.',
      ),
  })
  .describe('Keeps threads and bugs in step, both ways.')

const bugs = z
  .strictObject({
    tracker: name().describe('One of trackers.'),
    trailers: z
      .array(line('a trailer').regex(/^[A-Za-z][A-Za-z0-9-]*$/, { error: 'must be a word, without ":"' }))
      .default(['Bug', 'Wine-Bug', 'Closes', 'Fixes', 'BugLink', 'Bug-Url'])
      .describe(
        'Trailers of patches that name bugs. Default: Bug, Wine-Bug, Closes, Fixes, BugLink, Bug-Url.',
      ),
    results: z
      .boolean()
      .default(true)
      .describe('Each bug that a series names gets a comment with its verdict. Default: true.'),
    landed: z
      .enum(['off', 'comment', 'resolve'])
      .default('comment')
      .describe(
        'When the patch is in the base: comment: the bug is told · resolve: and becomes RESOLVED FIXED, unless rules say else. Default: comment.',
      ),
    rules: z.array(bugRule).default([]).describe('What else changes in a bug. Default: nothing.'),
    sync: sync.optional(),
  })
  .describe('Its bug tracker.')

const trackerCommon = {
  ca,
  proxy: webAddress.optional().describe('HTTP proxy, like http://proxy:3128. Default: none.'),
  expires: calendarDay.optional().describe('When the key ends: you are warned before. Default: not known.'),
}

const tracker = z
  .discriminatedUnion('kind', [
    z
      .strictObject({
        kind: z.literal('bugzilla'),
        url: webAddress.describe('Where show_bug.cgi is, like https://bugs.example.org/bugzilla/.'),
        key: secretSchema.describe('API key: { env: NAME } or { file: PATH }.'),
        login: line('a login').describe('The bot’s own login there; it proves that the key is read.'),
        ...trackerCommon,
      })
      .describe('A Bugzilla, 5.0 or later.'),
    z
      .strictObject({
        kind: z.literal('github'),
        repository: z
          .string()
          .regex(/^[A-Za-z0-9-]{1,39}\/[A-Za-z0-9._-]{1,100}$/, { error: 'must be owner/name' })
          .describe('Repository whose issues are the bugs: owner/name.'),
        api: webAddress.default('https://api.github.com').describe('Default: https://api.github.com.'),
        token: secretSchema.describe('Access token: { env: NAME } or { file: PATH }.'),
        ...trackerCommon,
      })
      .describe('Issues on GitHub.'),
  ])
  .describe('A bug tracker.')

const notices = z
  .strictObject({
    hold: z
      .array(z.enum(['minor', 'major']))
      .default(['major'])
      .describe(
        'Notices to lists of incidents that are so bad wait for an operator: grapevine incident confirm. Default: major.',
      ),
    every: duration(3_600_000, 30 * day)
      .prefault('24 h')
      .describe('While it lasts, there is another word after so long at the latest. Default: 24 h.'),
    gap: duration(1000, 30 * day)
      .prefault('1 h')
      .describe('At most one notice of an incident in so long. Default: 1 h.'),
    bug: z
      .strictObject({
        tracker: name().describe('One of trackers.'),
        product: line('a product').default('').describe('Of Bugzilla: the product. Default: none.'),
        component: line('a component').default('').describe('Of Bugzilla: the component. Default: none.'),
        version: line('a version').default('unspecified').describe('Default: unspecified.'),
        fields: z
          .record(z.string(), line('a value'))
          .default({})
          .describe('Further fields that the site asks for, like op_sys. Default: none.'),
      })
      .optional()
      .describe('Incidents that contributors hear of have a bug of their own. Default: they have none.'),
    announce: duration(3_600_000, 60 * day)
      .prefault('3 d')
      .describe(
        'So long before its beginning maintenance that comes again and again is announced; other maintenance is at once. Default: 3 d.',
      ),
    remind: duration(60_000, 30 * day)
      .prefault('2 h')
      .describe('So long before its beginning there is a reminder. Default: 2 h.'),
  })
  .describe('What people hear of incidents and maintenance.')

const watch = z
  .strictObject({
    oldest: duration(60_000, 60 * day)
      .prefault('12 h')
      .describe('A series that waits for longer is an incident. Default: 12 h.'),
    stuck: duration(60_000, 60 * day)
      .prefault('30 min')
      .describe('Work waits, hosts are there, and for so long nothing moved: an incident. Default: 30 min.'),
    expires: duration(3_600_000, 365 * day)
      .prefault('14 d')
      .describe('So long before a certificate or key ends. Default: 14 d.'),
    settle: duration(1000, 7 * day)
      .optional()
      .describe(
        'So long trouble that may come back is watched after it is over, before it counts as resolved. Default: 5 to 30 min, by its kind.',
      ),
    certificates: z
      .array(line('a server').regex(/^\[?[^\s/]+\]?:\d{1,5}$/, { error: 'must be host:port' }))
      .default([])
      .describe(
        'Servers whose certificates are watched, host:port, besides those that are used. Default: none.',
      ),
  })
  .describe('When trouble is noticed.')

const web = z
  .strictObject({
    listen: line('an address')
      .regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, { error: 'must be address:port, like 127.0.0.1:8080' })
      .default('127.0.0.1:8080')
      .describe('Address and port that it listens on. Default: 127.0.0.1:8080.'),
    url: webAddress
      .optional()
      .describe('Where people find it, like https://grapevine.example.org; mails name it. Default: nowhere.'),
  })
  .describe('The pages: grapevine web.')

const project = z
  .strictObject({
    list: person('The mailing list: patches come from it, and replies go to it.'),
    listTags: z
      .array(line('a tag'))
      .default([])
      .describe(
        'Words in brackets that the list puts before subjects and that do not belong to the patch, like LTP. Default: none.',
      ),
    archive: webAddress
      .refine(address => address.includes('{id}'), { error: 'must have {id} in it, for the Message-ID' })
      .optional()
      .describe(
        'Where the list’s mails are read, like https://lore.example.org/tally/{id}/ with {id} for the Message-ID. Default: not known.',
      ),
    listId: line('a list id')
      .optional()
      .describe(
        'What List-Id says in the list’s mails, without brackets, like tally.example.org: by it mail of mail.inbox finds the project. Default: only the list’s address tells.',
      ),
    sources: z
      .array(source)
      .default([])
      .describe('Where mail is read from. Default: none; patches are submitted by hand.'),
    repository: line('a repository')
      .refine(text => !text.startsWith('-') && !text.includes('::'), {
        error: 'must be a path or an address that git can fetch',
      })
      .refine(text => !/^[a-z][a-z0-9+.-]*:\/\/[^/@]*:[^/@]*@/i.test(text), {
        error: 'must not hold a password: let git’s credential helper or ssh know it',
      })
      .describe(
        'Path or address of the git repository that patches are for. Paths are relative to this file.',
      ),
    branch: line('a branch')
      .regex(/^[^-\s][^\s]*$/, { error: 'must be the name of a branch or tag' })
      .default('main')
      .describe('Branch or tag that patches are tested against when they do not name a base. Default: main.'),
    branches: z
      .array(branchRule)
      .default([])
      .describe('Other branches, by subject tag or path; the first that fits. Default: none.'),
    build: z
      .strictObject({
        image: imageName.describe('The image of the build, one of farm.images.'),
        prepare: z
          .array(step)
          .default([])
          .describe(
            'Run once on the unpatched base, before clones are made of it, so that later builds are short. Default: nothing.',
          ),
        steps: z.array(step).default([]).describe('Run with the patches applied. Default: nothing to build.'),
        artifacts: z
          .array(inSource)
          .default([])
          .describe('Files below the source folder that the tests need on the other images. Default: none.'),
      })
      .describe('How it is built, once for each series.'),
    test: z
      .strictObject({
        images: z
          .array(imageName)
          .min(1, { error: 'there is no image to test on: at least one is needed' })
          .describe('The images of the tests, from farm.images.'),
        steps: z
          .array(wholeTestStep)
          .min(1, { error: 'there is nothing to run: at least one step is needed' })
          .describe('Run on each image, one after another.'),
        concerns: z
          .array(concern)
          .optional()
          .describe('Which changed files concern which tests. Default: every file concerns all.'),
        dependencies: dependencies.optional(),
      })
      .describe('How it is tested, on each image.'),
    ignore: z
      .array(line('a glob'))
      .default([])
      .describe('Globs. A series that touches only these files is neither built nor tested. Default: none.'),
    reply: replyPolicy.prefault({}),
    trust: trust.prefault({}),
    proof: proof.prefault({}),
    bugs: bugs.optional(),
  })
  .describe('A project: its list, its repository, and how it is built and tested.')

export const fileSchema = z
  .strictObject({
    data: path
      .default('./data')
      .describe(
        'Folder of everything that is kept. Relative to this file. Default: ./data. GRAPEVINE_DATA wins.',
      ),
    administrator: person(
      'Who gets all mail until mail.live is true, and word of what goes wrong afterwards.',
    ),
    operators: z
      .array(who)
      .optional()
      .describe(
        'Addresses, or @domain, whose commands by mail count as an operator’s. Default: the administrator.',
      ),
    bot: person('Whose name and address replies carry.'),
    mail,
    assemble: assemble.prefault({}),
    notices: notices.prefault({}),
    watch: watch.prefault({}),
    web: web.prefault({}),
    trackers: z
      .record(z.string(), tracker)
      .default({})
      .meta({ propertyNames: { pattern: namePattern.source } })
      .describe('Bug trackers, by name. Default: none.'),
    farm,
    projects: named(project, 'there is no project: at least one is needed').describe(
      'The projects, by name.',
    ),
  })
  .describe('Configuration of Grapevine.')

/** The file after the schema: spans in milliseconds, sizes in MiB, defaults filled in; paths and secrets not yet resolved. */
export type ConfigFile = z.output<typeof fileSchema>
export type SecretPlace = z.output<typeof secretSchema>
