// The configuration as the rest of the program sees it: checked, complete, frozen. schema.ts makes it from grapevine.yaml.
import type { HookEvent } from '../model/access.ts'
import type { Rule } from '../model/bug-change.ts'
import type { Severity } from '../model/incident.ts'
import type { Instant, Millis } from '../model/instant.ts'
import type { Address } from '../model/mail.ts'
import type { PowerPolicy } from '../model/power.ts'
import type { ProofPolicy } from '../model/proof-policy.ts'
import type { Recipe } from '../model/recipe.ts'

export type { ProofPolicy } from '../model/proof-policy.ts'

/** A value that is never printed: toString, JSON and util.inspect show `***`. */
export type Secret = { reveal(): string }

/** How to log in somewhere: a password, or an OAuth 2.0 access token (RFC 6750), which is asked for anew at each login. */
export type Login = { user: string; password: Secret } | { user: string; token: Secret }

type SourceCommon = {
  name: string
  /** Mail that arrived before is passed over at the first start; undefined: everything is read. */
  since: Instant | undefined
}

/** A mailbox of an IMAP server. */
export type ImapSourceConfig = SourceCommon & {
  kind: 'imap'
  host: string
  port: number
  /** TLS from the first byte; else STARTTLS, which only this machine's own loopback may do without. */
  secure: boolean
  /** PEM of the authority that signed the server's certificate; undefined: those that Node.js knows. */
  ca: string | undefined
  login: Login
  mailbox: string
}

export type FileSourceConfig = SourceCommon & { kind: 'mbox' | 'maildir' | 'public-inbox'; path: string }

export type SourceConfig = FileSourceConfig | ImapSourceConfig

export type SmtpConfig = {
  kind: 'smtp'
  host: string
  port: number
  secure: boolean
  ca: string | undefined
  login: Login | undefined
}

/** Signs what is sent (RFC 6376). */
export type DkimConfig = { domain: string; selector: string /** PEM. */; key: Secret }

/** How much mail may leave in 24 hours; what is over waits for nobody: it is dropped, and the operators hear of it. */
export type MailCaps = {
  /** In one thread. */
  thread: number
  /** To one address that is no list. */
  author: number
  total: number
}

/** Which branch a series is for: the first rule that fits. Both lists given: both must fit. */
export type BranchRule = {
  branch: string
  /** Words in the subject's brackets, compared without case. */
  tags: string[]
  /** Globs; at least one changed file must match. */
  paths: string[]
}

export type ReplyPolicy = {
  /** What the author hears by mail. failures: whatever the author can or must do something about. */
  author: 'always' | 'failures' | 'never'
  /** What is copied to the list; digest: one mail a day with what would have been said. */
  list: 'new-failures' | 'always' | 'never' | 'digest'
  /** silent: a new version with the same verdict as the one before gets no reply. */
  unchanged: 'silent' | 'say'
  /** Minute of the day (UTC) when digests leave. */
  digestAt: number
}

export type MailCommand = 'test' | 'retest' | 'cancel' | 'status' | 'help'

/** `author` (of the series), `anyone`, an address, or `@domain`. */
export type Who = string

export type TrustPolicy = {
  /** hold: patches of authors who never had a series tested wait for an operator's go. */
  firstTime: 'hold' | 'run'
  commands: Record<MailCommand, Who[]>
}

/** Built by us from the distribution's packages. */
export type BuiltImageConfig = {
  name: string
  /** debian: from a package list · busybox: kernel, static busybox and the agent, all in memory. */
  kind: 'debian' | 'busybox'
  /** Distribution packages besides those that every guest has; in a busybox one only their files, with the libraries that they need. */
  packages: string[]
  memoryMiB: number
  cpus: number
  diskMiB: number
}

/** A disk that somebody else made, brought in by `grapevine image import`; qemu-guest-agent is in it. */
export type ImportedImageConfig = {
  name: string
  kind: 'imported'
  os: GuestOs
  firmware: Firmware
  /** What the disk hangs on: virtio needs a driver in the guest that Windows does not bring. */
  disk: DiskBus
  memoryMiB: number
  cpus: number
}

/** A domain of libvirt with a snapshot of its running, ready guest. */
export type LibvirtImageConfig = {
  name: string
  kind: 'libvirt'
  os: GuestOs
  /** libvirt's connection, like qemu:///system or qemu+ssh://user@host/system. */
  uri: string
  domain: string
  snapshot: string
  memoryMiB: number
  cpus: number
}

export type GuestOs = 'linux' | 'windows'
export type Firmware = 'bios' | 'uefi'
export type DiskBus = 'virtio' | 'sata'

/** Is it made here, by `grapevine image build`? */
export const isBuilt = (image: ImageConfig): image is BuiltImageConfig =>
  image.kind === 'debian' || image.kind === 'busybox'

export type ImageConfig = BuiltImageConfig | ImportedImageConfig | LibvirtImageConfig

type TrackerCommon = {
  name: string
  ca: string | undefined
  /** `http://host:port`; undefined: directly. */
  proxy: string | undefined
  /** When the key or token ends; undefined: not known. Operators are warned before. */
  keyExpires: Instant | undefined
}

export type BugzillaConfig = TrackerCommon & {
  kind: 'bugzilla'
  /** Where show_bug.cgi is, ending in "/"; the REST interface is `rest/` below it. */
  url: string
  key: Secret
  /** The bot's own login there: it proves that the key is read. */
  login: string
}

export type GithubTrackerConfig = TrackerCommon & {
  kind: 'github'
  /** owner/name */
  repository: string
  /** Base of the REST API, without "/" at its end. */
  api: string
  token: Secret
}

export type TrackerConfig = BugzillaConfig | GithubTrackerConfig

/** Which bugs and threads are kept in step; all of these lists and words switch it on. */
export type SyncPolicy = {
  /** Every new bug of these products begins a thread on the list. */
  products: string[]
  /** Numbers or addresses. */
  bugs: string[]
  /** A bug with this flag (GitHub: label); undefined: none. */
  flag: string | undefined
  /** Who may say `/grapevine track`. */
  track: Who[]
  /** So long nobody said anything: it ends. */
  idleMs: Millis
}

export type BugsPolicy = {
  /** One of `trackers`. */
  tracker: string
  /** Names of the trailers that name bugs, as `Bug` for `Bug: 123`; case does not matter. */
  trailers: string[]
  /** Each named bug gets a comment with the verdict. */
  results: boolean
  landed: 'off' | 'comment' | 'resolve'
  rules: Rule[]
  sync: SyncPolicy | undefined
}

/** Of a new bug that tells of an incident. */
export type TrackingBug = {
  tracker: string
  product: string
  component: string
  version: string
  fields: Record<string, string>
}

export type NoticePolicy = {
  /** Notices to contributors of incidents of these severities wait for an operator's word. */
  hold: Severity[]
  /** Another word comes after so long at the latest, also if nothing has changed. */
  everyMs: Millis
  /** At most one notice of an incident in so long. */
  gapMs: Millis
  /** undefined: incidents have no bug of their own. */
  bug: TrackingBug | undefined
  /** How long before its beginning a maintenance window is announced, and reminded of. */
  announceMs: Millis
  remindMs: Millis
}

/** When detectors speak. */
export type WatchPolicy = {
  /** The oldest series that waits may wait so long. */
  oldestMs: Millis
  /** Work waits, hosts are there, and nothing was begun or ended for so long. */
  stuckMs: Millis
  /** So long before a certificate or key ends. */
  expiresMs: Millis
  /** So long trouble that is over is watched before it counts as resolved; undefined: as model/trouble.ts says of its kind. */
  settleMs: Millis | undefined
  /** Further servers whose certificates are watched: `host:port`. */
  certificates: string[]
}

export type PowerConfig =
  | { kind: 'ipmi'; host: string; port: number; user: string; password: Secret; cipher: number | undefined }
  | {
      kind: 'redfish'
      url: string
      system: string | undefined
      user: string
      password: Secret
      ca: string | undefined
    }
  /** Run with one of status, on, off, cycle as last argument; status prints on or off. */
  | { kind: 'command'; run: string[] }

export type WebConfig = {
  /** Address and port that it listens on. */
  host: string
  port: number
  /** Where people find it, without "/" at its end; undefined: nowhere that mails could name. */
  url: string | undefined
  /** Whose word on who asks is taken: addresses, or networks like 10.0.0.0/8. */
  proxies: string[]
  login: LoginConfig
  /** Who hears by a signed webhook what happens. */
  hooks: HookConfig[]
  /** open: everybody may read /metrics; token: who has one with the scope `metrics`. */
  metrics: 'open' | 'token'
}

/** Who may log in besides the operators, who all can by a mailed link, and how. */
export type LoginConfig = {
  sessionMs: Millis
  /** Who may log in by a mailed link to hand in patches: addresses, `@domain`, `anyone`. */
  submitters: Who[]
  /** An OAuth App, or the GitHub App itself. `operators`: login names. */
  github: { client: string; secret: Secret; operators: string[] } | undefined
  /** OpenID Connect (Core 1.0). `operators`: verified addresses or `@domain`. */
  oidc:
    | { issuer: string; client: string; secret: Secret; ca: string | undefined; operators: Who[] }
    | undefined
}

export type HookConfig = {
  name: string
  url: string
  secret: Secret
  events: HookEvent[]
  ca: string | undefined
}

/** The GitHub App as which it speaks. */
export type GithubAppConfig = {
  id: number
  /** PEM. */
  key: Secret
  /** Of webhooks. */
  secret: Secret
  /** Base of the REST API, and of the pages, without "/" at their ends. */
  api: string
  site: string
  ca: string | undefined
  proxy: string | undefined
}

export type ProjectGithub = {
  /** owner/name: its pull requests are tested; undefined: none are. */
  pulls: string | undefined
  /** owner/name: series of the list are pushed there as branches; undefined: nowhere. */
  series: string | undefined
  /** words: one comment on a pull request where the verdict needs words. */
  comment: 'words' | 'never'
}

export type ProjectConfig = {
  name: string
  /** The list that patches come from, and that replies go to. */
  list: Address
  /** RFC 2919, without brackets: by it a mail of a shared mailbox (mail.inbox) finds its project. undefined: only by the list's address. */
  listId: string | undefined
  /** Where the list's mails are read, with {id} for the Message-ID; undefined: nowhere that is known. */
  archive?: string | undefined
  sources: SourceConfig[]
  /** Bracket words that the list adds to subjects and that are no tag of the patch: `LTP`. */
  listTags: string[]
  recipe: Recipe
  branches: BranchRule[]
  reply: ReplyPolicy
  trust: TrustPolicy
  proof: ProofPolicy
  /** undefined: it has no bug tracker. */
  bugs: BugsPolicy | undefined
  github: ProjectGithub | undefined
}

export type Config = {
  /** The yaml's path; undefined for defaults alone. */
  file: string | undefined
  /** Absolute folder of everything that is kept. */
  data: string
  /** Who gets all mail until `mail.live`, and what goes wrong afterwards. */
  administrator: Address
  bot: Address
  mail: {
    live: boolean
    /** Where replies leave. maildir: delivered into a folder, for trying out. */
    out: { kind: 'maildir'; path: string } | SmtpConfig
    dkim: DkimConfig | undefined
    /** The bot's own mailboxes: bounces, commands, and mail of lists, told apart by List-Id. */
    inbox: SourceConfig[]
    caps: MailCaps
    /** How long a mail of which nobody knows whether it left is looked for; undefined: as long as its ways need. */
    lookForMs: Millis | undefined
  }
  /** Whose commands by mail an operator's are: addresses and `@domain`. */
  operators: Who[]
  /** undefined: the embedded one, on a unix socket in `data`. From REDIS_URL. */
  redisUrl: Secret | undefined
  /** undefined: SQLite in `data`. From DATABASE_URL. */
  databaseUrl: Secret | undefined
  assemble: {
    quietMs: Millis
    deadlineMs: Millis
    /** When a new version of which parts are missing is filled from the version before. */
    partialMs: Millis
  }
  farm: {
    /** Absolute folder of images, templates and clones; on the host's own disk. */
    data: string
    slots: number
    /** What all running guests together may have as memory; a guest counts with the whole of its own. */
    memoryMiB: number
    /** Clones kept forked and paused for each template that was used lately. */
    pool: number
    /** What nothing that the farm does may touch on the disk of `data`; undefined: 10 % of it, but at most 5 GiB. */
    reserveMiB: number | undefined
    /** User (name or number) that QEMU runs as when the worker is root; undefined: a number that nobody else has. */
    user: string | undefined
    backup: {
      /** Absolute; best on another disk. */
      folder: string
      /** So many of each image and template. */
      keep: number
    }
    accelerator: 'auto' | 'kvm' | 'tcg'
    images: ImageConfig[]
    power: PowerPolicy
    /** Hosts of which more is known than their workers say. */
    hosts: { name: string; power: PowerConfig | undefined }[]
  }
  notices: NoticePolicy
  watch: WatchPolicy
  web: WebConfig
  trackers: TrackerConfig[]
  /** undefined: nothing of it starts. */
  github: GithubAppConfig | undefined
  /** Where traces go (OTLP over HTTP); undefined: there are none. */
  traces: string | undefined
  /** So long logs, consoles, screenshots and artifacts of runs are kept; undefined: for ever. */
  keepLogsMs: Millis | undefined
  /** This host's name in runs. */
  host: string
  projects: ProjectConfig[]
}
