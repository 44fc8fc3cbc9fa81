// Who writes to tally-devel. All invented.

export type Person = { name: string; address: string }

export const list: Person = { name: 'Tally development', address: 'tally-devel@example.org' }

export const petra: Person = { name: 'Petra Lindqvist', address: 'petra@example.org' }
export const rosa: Person = { name: 'Rosa Quill', address: 'rosa.quill@example.com' }
export const tomas: Person = { name: 'Tomas Okafor', address: 'tomas@example.com' }
export const meilin: Person = { name: 'Mei-Lin Drew', address: 'meilin.drew@example.org' }
export const jorg: Person = { name: 'Jörg Habermann', address: 'joerg@example.com' }
export const ines: Person = { name: 'Ines Duarte', address: 'ines.duarte@example.com' }
export const sam: Person = { name: 'Sam Bytewright', address: 'sam@example.org' }

/** `Rosa Quill <rosa.quill@example.com>`, for ASCII names. */
export const written = (person: Person): string => `${person.name} <${person.address}>`
