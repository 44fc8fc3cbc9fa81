// The tables, as queries see them: what is searched for stands in columns of its own, everything else is JSON text.
import type { ColumnType, Generated, Kysely } from 'kysely'

/** Order of storing; the database counts. */
type Sequence = Generated<number>
/** 0 unless said otherwise. */
type Flag = ColumnType<number, number | undefined, number>

export type Tables = {
  mail: {
    seq: Sequence
    id: string
    project: string
    arrived_at: number
    message_id: string | null
    patch_id: ColumnType<string | null, string | null | undefined, string | null>
    disposition_kind: string
    disposition: string
    data: string
  }
  source_cursor: { source: string; value: string }
  series: {
    seq: Sequence
    id: string
    project: string
    state_at: string
    first_at: number
    last_at: number
    /** When collecting ends; null in every other state. */
    due_at: number | null
    /** The newer version that is tested instead; '' for none. */
    replaced_by: ColumnType<string, string | undefined, string>
    change_id: ColumnType<string | null, string | null | undefined, string | null>
    author_address: ColumnType<string | null, string, string>
    /** null for an author without a name. */
    author_name: string | null
    /** 1 if a part names one. */
    names_bugs: ColumnType<number, number | undefined, number>
    /** Only grows: see Series.touched. */
    touched: ColumnType<number, number | undefined, number>
    data: string
  }
  /** What lists show of a series, and find it by. */
  series_line: {
    seq: Sequence
    series: string
    project: string
    state_at: string
    last_at: number
    /** Of the newest verdict; '' for none. */
    verdict_kind: ColumnType<string, string | undefined, string>
    verdict_at: ColumnType<number | null, number | null | undefined, number | null>
    /** In PostgreSQL only; SQLite has a table series_words. */
    words: ColumnType<string, string | undefined, string>
    brief: string
  }
  /** What stands in digests. */
  digest_line: {
    seq: Sequence
    id: string
    project: string
    at: number
    /** The reply that it left with; '' for none yet. */
    digest: string
    data: string
  }
  /** Message-IDs of a series' own parts and cover letter. */
  series_message: { series: string; project: string; message_id: string }
  /** What a series says that it comes after: `m <id>`, `c change-id`, `p patch-id`. */
  series_dependency: { series: string; project: string; key: string }
  job: {
    seq: Sequence
    id: string
    series: string | null
    created_at: number
    /** 1 once there is a verdict of it. */
    judged: Flag
    data: string
  }
  task: {
    seq: Sequence
    id: string
    job: string
    image: string
    priority: number
    state_at: string
    /** What compare-and-set compares; see columns.ts. */
    state_key: string
    state: string
    data: string
  }
  run: {
    seq: Sequence
    id: string
    task: string
    attempt: number
    /** null until it has ended. */
    ended_at: ColumnType<number | null, number | null | undefined, number | null>
    /** How it ended, in short (model/run-end.ts); null until then. */
    gist: ColumnType<string | null, string | null | undefined, string | null>
    data: string
  }
  /** What runs left (run-blobs.ts). */
  run_blob: { run: string; blob: string; task: string; is_artifact: number; ended_at: number }
  verdict: {
    seq: Sequence
    series: string
    /** '' for a verdict without a job: NULLs would not be unique. */
    job: string
    decided_at: number
    data: string
  }
  reply: {
    seq: Sequence
    id: string
    kind: string
    /** '' for none. */
    series: string
    thread: string
    created_at: number
    message_id: string
    state_at: string
    state_key: string
    state: string
    data: string
  }
  reply_recipient: { reply: string; address: string }
  /** What is known of a mail address. */
  address: { address: string; data: string }
  /** Who had a series tested in a project. */
  author: {
    project: string
    address: string
    first_at: number
    /** 1 once a mail of theirs had an aligned DKIM signature. */
    signed: Flag
  }
  command: {
    seq: Sequence
    id: string
    project: string
    mail: string
    /** Lower-case address. */
    sender: string
    /** '' for none. */
    series: string
    state_at: string
    created_at: number
    data: string
  }
  /** What a step of one run showed. */
  sample: {
    seq: Sequence
    id: string
    project: string
    image: string
    step: string
    /** 1 if a series was in it. */
    patched: number
    at: number
    /** What it tells of (figures.ts). */
    tells: Flag
    data: string
  }
  /** Names of tests that failed at least once; '' is the step itself. */
  failing_test: {
    project: string
    step: string
    /** What compares the name: it may be long. */
    test_key: string
    test: string
    /** Step and name in lower case, to be searched. */
    words: string
    last_failed: number
  }
  /** What failed in whole runs of unpatched bases. */
  base_failure: {
    project: string
    image: string
    step: string
    test_key: string
    test: string
    at: number
  }
  /** What runs that ended took of a host's time. */
  host_hour: { host: string; hour: number; busy_ms: number; runs: number; ours: number }
  verdict_figure: {
    seq: Sequence
    series: string
    project: string
    kind: string
    decided_at: number
    /** Since the last part of the series, of its first verdict; else null. */
    ms: number | null
    /** 1 if it says that the series does it. */
    blaming: number
    /** 1 if a later one said that it does not. */
    taken_back: number
  }
  blame: { seq: Sequence; id: string; project: string; at: number; data: string }
  known_failure: { seq: Sequence; id: string; project: string; state_at: string; data: string }
  host: { name: string; data: string }
  /** `on_key`: kind and name of what is held. */
  hold: { on_key: string; data: string }
  incident: {
    seq: Sequence
    id: string
    trouble: string
    /** '' for none. */
    host: string
    about: string
    /** 1 until it is resolved. */
    open: number
    /** When it was resolved; null until then. */
    resolved_at: ColumnType<number | null, number | null | undefined, number | null>
    data: string
  }
  maintenance: { seq: Sequence; id: string; starts_at: number; ended_at: number | null; data: string }
  /** `open`: 1 while it is asked or running. */
  host_request: { seq: Sequence; id: string; host: string; open: number; state_at: string; data: string }
  power_action: { seq: Sequence; id: string; host: string; at: number; data: string }
  bug_write: {
    seq: Sequence
    id: string
    /** '' for one that makes a bug. */
    bug: string
    /** '' for none. */
    series: string
    kind: string
    state_at: string
    state_key: string
    data: string
  }
  bug_link: { seq: Sequence; tracker: string; bug: string; comment: number; message_id: string; data: string }
  pull: { seq: Sequence; repository: string; number: number; project: string; state_at: string; data: string }
  forge_event: { seq: Sequence; id: string; state_at: string; at: number; data: string }
  /** `place`: kind, repository, what it is on, and its name. */
  shown: {
    seq: Sequence
    place: string
    kind: string
    repository: string
    series: string
    /** 1 while it could not be written. */
    troubled: number
    data: string
  }
  session: { id: string; expires_at: number; data: string }
  login_link: {
    id: string
    address: string
    created_at: number
    expires_at: number
    used: Flag
    data: string
  }
  api_token: { seq: Sequence; id: string; data: string }
  audit: { seq: Sequence; id: string; at: number; about: string; data: string }
  hook_delivery: {
    seq: Sequence
    id: string
    state_at: string
    state_key: string
    due_at: number | null
    created_at: number
    data: string
  }
  /** How the queue stood. */
  queue_note: { at: number; waiting: number; running: number }
  bug_track: { seq: Sequence; bug: string; thread: string; state_at: string; data: string }
}

export type Db = Kysely<Tables>
