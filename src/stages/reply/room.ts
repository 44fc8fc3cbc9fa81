// How much of each thing a reply shows. A mail that is too long is composed again with less room, until it fits.

export type Room = {
  /** Rows that failures and errors may take. */
  rows: number
  /** Single lines of what is unclear or vanished; 0: only how many there are. */
  each: number
  /** The same of what is told for the record: flaky and known ones, what was left out, warnings; and of what was mended. */
  record: number
  images: number
  /** Things that the mail itself names, patches in place of others, conflicts. */
  names: number
  /** Lines of each command of the recipe; 0: how to repeat it is not told. */
  commands: number
  links: number
  /** Are the mails of the patches named? */
  mails: boolean
  /** Columns of a quoted line: two rows of a mail, or one. */
  width: number
}

const oneRow = 62
const twoRows = 140

const most: Room = {
  ...{ rows: 24, each: 5, record: 5, images: 8, names: 5, commands: 6, links: 12 },
  ...{ mails: true, width: twoRows },
}
const tight: Room = { ...most, mails: false, width: oneRow }

/** From the most to the least. The least fits whatever is said. */
export const rooms: Room[] = [
  most,
  { ...most, rows: 18, each: 4, record: 3 },
  { ...most, rows: 12, each: 3, record: 2, links: 8 },
  { ...most, rows: 10, each: 2, record: 1, links: 6, names: 3, commands: 4, mails: false },
  { ...tight, rows: 10, each: 2, record: 0, links: 5, names: 2, commands: 3 },
  { ...tight, rows: 8, each: 1, record: 0, links: 3, names: 2, commands: 2 },
  { ...tight, rows: 6, each: 0, record: 0, links: 2, names: 1, commands: 1, images: 4 },
  { ...tight, rows: 1, each: 0, record: 0, links: 1, names: 1, commands: 0, images: 2 },
]
