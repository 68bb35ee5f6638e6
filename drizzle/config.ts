import { defineConfig } from 'drizzle-kit'

/** For `drizzle-kit generate --config drizzle/config.ts --name NAME`: the SQL that brings a database to the schemas. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './gateway/*/schema.ts',
  out: './drizzle/migrations',
})
