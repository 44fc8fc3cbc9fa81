// What moves, told while it moves: a running log's bytes, and that something changed. Never the truth: whoever missed a word reads the store.
import type { RunId } from '../model/run.ts'

/** What a page may wait for. `all`: whatever changes; kept short by whoever sends it. */
export type Topic =
  | `series:${string}`
  | `job:${string}`
  | `run:${string}`
  | 'queue'
  | 'farm'
  | 'incidents'
  | 'verdicts'

/** The log of one run, as it grows. Never throws, never waits: what cannot be told is dropped, and said so to those who follow. */
export type LiveLog = {
  write(text: string): void
  /** The run is over, and its log is kept (RunRecord.evidence.log). */
  end(): void
}

/** The worker's and the bot's end. */
export type LiveOut = {
  log(run: RunId): LiveLog
  /** Something of these changed. */
  changed(...topics: Topic[]): void
  close(): Promise<void>
}

/** A piece of a log. `from`: which character of the whole log it begins with, 0-based; what lies before it may be lost (`from` jumps). */
export type LogPiece = { from: number; text: string; isEnd: boolean }

/** The pages' end. */
export type LiveIn = {
  /** Calls back with what there is from that character on, then with whatever comes, until it is stopped. */
  follow(run: RunId, from: number, onPiece: (piece: LogPiece) => void): { stop(): void }
  /** Calls back with topics that changed, and with `lost` after a time in which words may have been missed. */
  listen(onChange: (topics: Topic[] | 'lost') => void): { stop(): void }
  close(): Promise<void>
}
