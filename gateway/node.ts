import { createLog, type Log } from '../shared/log.ts'
import { migrate } from './adapters/postgres/connect.ts'
import { runCommand } from './cli/run-command.ts'
import { serve, writeLine } from './cli/serve.ts'
import { readSettings } from './settings/read-settings.ts'
import type { GivenSettings } from './settings/settings.ts'
import { systems } from './systems.ts'

/**
 * Runs a command: `node gateway/node.ts` serves, `node gateway/node.ts migrate` applies the migrations and exits; the
 * systems add commands of their own.
 */
async function main([name, ...args]: readonly string[]): Promise<void> {
  const given = readSettings(
    process.env,
    systems.map(({ settings }) => settings),
  )
  const log = createLog('gateway', given.logLevel, writeLine)
  if (name === undefined) return serve(given, log)
  if (name === 'migrate') return applyMigrations(given, log)
  const commands = systems.flatMap((system) => system.commands ?? [])
  const command = commands.find((one) => one.name === name)
  if (command === undefined) {
    const names = ['migrate', ...commands.map((one) => one.name)].join(', ')
    throw new Error(`there is no command "${name}": ${names}, or none to serve`)
  }
  process.stdout.write(`${await runCommand(command, args, given, log)}\n`)
}

async function applyMigrations({ databaseUrl }: GivenSettings, log: Log): Promise<void> {
  if (databaseUrl === null) throw new Error('migrate needs DATABASE_URL; the embedded database needs no migrating')
  await migrate(databaseUrl, log)
  log.info('the database is up to date')
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(
      `${process.argv[2] === undefined ? 'Tallylight cannot start' : `${process.argv[2]} failed`}: ${error instanceof Error ? error.message : String(error)}\n`,
    )
    process.exit(1)
  },
)
