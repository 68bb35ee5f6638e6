import { createLog } from '../shared/log.ts'
import { migrate } from './adapters/postgres/connect.ts'
import { serve, writeLine } from './cli/serve.ts'
import { readSettings } from './settings/read-settings.ts'
import { systems } from './systems.ts'

/** Runs a command: `node gateway/node.ts` serves; `node gateway/node.ts migrate` applies the migrations and exits. */
async function main(command: string | undefined): Promise<void> {
  const given = readSettings(
    process.env,
    systems.map(({ settings }) => settings),
  )
  const log = createLog('gateway', given.logLevel, writeLine)
  if (command === undefined) return serve(given, log)
  if (command !== 'migrate') throw new Error(`there is no command "${command}": migrate, or none to serve`)
  if (given.databaseUrl === null)
    throw new Error('migrate needs DATABASE_URL; the embedded database needs no migrating')
  await migrate(given.databaseUrl, log)
  log.info('the database is up to date')
}

main(process.argv[2]).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`Tallylight cannot start: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
