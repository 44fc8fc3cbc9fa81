// The JSON schema of grapevine.yaml, for editors: `grapevine config schema` prints it.
import { z } from 'zod'
import { fileSchema } from './schema.ts'

/** A schema of the file as people write it, before defaults and units. */
export const jsonSchema = (): Record<string, unknown> => ({
  title: 'grapevine.yaml',
  ...z.toJSONSchema(fileSchema, { io: 'input', target: 'draft-7' }),
})

export const printJsonSchema = (): string => `${JSON.stringify(jsonSchema(), null, 2)}\n`
