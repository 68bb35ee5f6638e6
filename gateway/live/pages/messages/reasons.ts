import { ENCODING_PROBLEMS, type EncodingProblem } from '../../../../shared/contract/live-problems.ts'
import type { Language } from '../../../web/messages.ts'
import { REASONS, type ReasonCode } from '../../rules/reasons.ts'

const SENTENCES = { ...REASONS, ...ENCODING_PROBLEMS }

/** The sentences in Japanese, by their codes. */
const IN_JAPANESE: Readonly<Record<ReasonCode | EncodingProblem, string>> = {
  owner_ended: '配信者が終了しました',
  owner_suspended: '配信者のアカウントが停止されました',
  away_too_long: 'エンコーダーが時間内に再接続しませんでした',
  too_long: '配信時間の上限に達しました',
  not_encoded: 'エンコードできませんでした',
  end_not_stored: '配信の終わりを保存できませんでした',
  no_file: 'ファイルを作成できませんでした',
  not_cut: 'クリップを切り出せませんでした',
  expired: 'ファイルの作成前に保存期間が過ぎました（ARCHIVE_RETENTION_DAYS）',
  no_picture: 'エンコーダーから映像が送られていません',
  unreadable: 'エンコーダーの送信内容を読み取れません',
  picture_unreadable: 'エンコーダーの映像を読み取れません',
  too_large: '映像が大きすぎます',
  too_small: '映像が小さすぎます',
  not_stored: 'セグメントを保存できません',
}
const TRANSLATIONS: ReadonlyMap<string, string> = new Map(Object.entries(IN_JAPANESE))

/** Returns a reason in a language. Details, and reasons that no code stands for, stay as the program wrote them. */
export function describeReason(reason: string, language: Language): string {
  if (language === 'en') return reason
  const [code = '', sentence = ''] = Object.entries(SENTENCES).find(([, one]) => reason.startsWith(one)) ?? []
  const translation = TRANSLATIONS.get(code)
  if (translation === undefined) return `詳細（英語）：${reason}`
  const details = reason.slice(sentence.length).replace(/^[:;] */, '')
  return details === '' ? translation : `${translation}（${details}）`
}
