import type { LiveContext } from '../context.ts'
import { listSessions } from './list-sessions.ts'
import { presentOwnUser, type UserExport } from './present.ts'
import type { SignedIn } from './session.ts'
import { presentTransaction } from '../present-transaction.ts'
import { readTransactionPage } from '../store/transactions.ts'
import { readPersonalData } from './store/personal-data.ts'

/** Tips of an export: the newest ones. */
const MAX_TRANSACTIONS = 10_000

/** Returns the personal data of the signed-in user: account, sessions, broadcasts, recordings, messages and tips. */
export async function exportUser(context: LiveContext, signedIn: SignedIn): Promise<UserExport> {
  const { sessions } = await listSessions(context, signedIn)
  const { broadcasts, recordings, messages } = await readPersonalData(context.db, signedIn.user.userId)
  const { userId } = signedIn.user
  const tips = await readTransactionPage(context.db, userId, { before: null, limit: MAX_TRANSACTIONS })
  return {
    user: presentOwnUser(signedIn.user),
    sessions,
    streams: broadcasts.map(({ streamId, createdAt, startedAt, endedAt, ...about }) => ({
      stream_id: streamId,
      ...about,
      created_at: createdAt.toISOString(),
      started_at: startedAt?.toISOString() ?? null,
      ended_at: endedAt?.toISOString() ?? null,
    })),
    archives: recordings.map(({ archiveId, streamId, title, visibility, createdAt }) => ({
      archive_id: archiveId,
      stream_id: streamId,
      title,
      visibility,
      created_at: createdAt.toISOString(),
    })),
    messages: messages.map(({ entryId, streamId, text, createdAt }) => ({
      id: entryId,
      stream_id: streamId,
      text,
      at: createdAt.toISOString(),
    })),
    transactions: tips.map((tip) => presentTransaction(tip, userId)),
  }
}
