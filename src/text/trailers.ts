// Lines that tools leave in a patch mail for other tools.

/** The commit that `git format-patch --base` names (`base-commit: <id>`): 7 to 64 hex digits, lower case. Quoted ones do not count. */
export const baseCommit = (text: string): string | undefined =>
  /^base-commit: ([0-9a-f]{7,64})\s*$/im.exec(text)?.[1]?.toLowerCase()
