// Logging in by somebody else's word: the browser is sent there, and comes back with a code.

/** What they vouch for. `address`: verified by them. `name`: unique there, for GitHub the login name. */
export type Vouched = { name: string; address: string | undefined }

/** Faults: refused/never when they say no, or what came back is not what was asked for; unreachable, timeout, malformed. */
export type Door = {
  /** `back`: where the browser returns to. `kept` is for `end`, and known to this browser alone. */
  begin(back: string): Promise<{ url: string; kept: string }>
  /** `url`: with which the browser came back, whole. */
  end(given: { url: string; kept: string }): Promise<Vouched>
}
