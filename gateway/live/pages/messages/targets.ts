import { defineMessages } from '../../../web/messages.ts'

/** Texts of the platforms that a broadcast is pushed to, on the server and in the browser. */
export const TARGET_MESSAGES = defineMessages({
  en: {
    title: 'Other platforms',
    lead: 'Your broadcast is sent on to them exactly as your encoder sends it. If one of them fails, nothing else is affected.',
    url: 'Server of the platform',
    urlHint: 'As the platform shows it for OBS, such as rtmp://a.rtmp.youtube.com/live2.',
    key: 'Stream key of the platform',
    keyHint: 'It is stored encrypted, and shown to no one.',
    add: 'Add platform',
    full: 'Five platforms are the limit. Remove one to add another.',
    remove: 'Remove',
    removeText: 'The broadcast ends on this platform. To add it again, you need its key.',
    removeButton: 'Remove it now',
    urlWrong: 'Enter the address of a public server: rtmp:// or rtmps://, a name, and a path, without the key.',
    keyWrong: 'Enter the key without spaces, at most 500 characters.',
    exists: 'This platform is there already, with this key.',
    states: {
      waiting: 'WAITING',
      connecting: 'CONNECTING',
      live: 'LIVE',
      retrying: 'TRYING AGAIN',
      failed: 'FAILED',
    },
    waiting: 'Begins when your encoder sends.',
    connecting: 'Connecting …',
    live: (kbps: string) => `Sends ${kbps} kbit/s.`,
    problem: (_problem: string | null, reason: string) => `Reason: ${reason}. It is tried again by itself.`,
  },
  ja: {
    title: '同時配信',
    lead: 'エンコーダーの映像をそのまま他のサービスへ送ります。ひとつが失敗しても、他には影響しません。',
    url: '配信先のサーバー',
    urlHint: 'OBS用に表示されるアドレスです。例：rtmp://a.rtmp.youtube.com/live2',
    key: '配信先のストリームキー',
    keyHint: '暗号化して保存され、誰にも表示されません。',
    add: '配信先を追加',
    full: '配信先は5つまでです。追加するには、どれかを削除してください。',
    remove: '削除',
    removeText: 'この配信先での配信が終了します。再び追加するにはキーが必要です。',
    removeButton: '今すぐ削除する',
    urlWrong:
      '公開サーバーのアドレスを入力してください（rtmp:// または rtmps://、サーバー名、パス。キーは含めません）。',
    keyWrong: 'キーは空白なしで500文字以内にしてください。',
    exists: 'この配信先は同じキーで登録済みです。',
    states: { waiting: '待機中', connecting: '接続中', live: '配信中', retrying: '再試行中', failed: '失敗' },
    waiting: 'エンコーダーが送信を始めると開始します。',
    connecting: '接続しています…',
    live: (kbps: string) => `${kbps} kbps で送信中。`,
    problem: (problem: string | null, reason: string) =>
      `${PROBLEMS_JA[problem ?? ''] ?? '配信できません'}（${reason}）。自動的に再試行します。`,
  },
})

/** What is wrong with a target, by its code, in Japanese. The reason itself is in English, with the platform's words. */
const PROBLEMS_JA: Readonly<Record<string, string>> = {
  key_refused: 'ストリームキーが拒否されました',
  refused: '配信先が配信を拒否しました',
  closed_unaccepted: 'キーの送信後に切断されました。キーを確認してください',
  ended_there: '配信先が配信を終了しました',
  closed: '配信先との接続が切れました',
  too_slow: '配信先の受信が間に合いません',
  timeout: '配信先が応答しません',
  unreachable: '配信先に接続できません',
  address_unknown: '配信先のサーバー名が見つかりません',
  address_forbidden: 'このアドレスには接続できません',
  certificate: '配信先の証明書が正しくありません',
  key_unreadable: 'キーを復号できません。削除して追加し直してください',
  protocol: '配信先の応答を理解できません',
}
