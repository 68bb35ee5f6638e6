import type { Log } from '../../shared/log.ts'
import { readEmbeddedUrl } from '../adapters/embedded-postgres/embedded-postgres.ts'
import { connectPostgres } from '../adapters/postgres/connect.ts'
import { isUnavailable } from '../adapters/postgres/errors.ts'
import type { GivenSettings } from '../settings/settings.ts'
import type { Command } from '../system.ts'

const NO_DATABASE = 'the database cannot be reached: set DATABASE_URL, or start the gateway of this DATA_DIR first'

/**
 * Runs a command on the database of the gateway, and returns what to print.
 * @throws Error where the database cannot be reached, or the command refuses
 */
export async function runCommand(
  command: Command,
  args: readonly string[],
  { databaseUrl, dataDir }: GivenSettings,
  log: Log,
): Promise<string> {
  const url = databaseUrl ?? (await readEmbeddedUrl(dataDir))
  if (url === null) throw new Error(NO_DATABASE)
  await using postgres = connectPostgres(url, log)
  try {
    return await command.run(postgres.db, args)
  } catch (error) {
    throw isUnavailable(error) ? new Error(NO_DATABASE) : error
  }
}
