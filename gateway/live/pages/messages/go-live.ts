import { defineMessages } from '../../../web/messages.ts'

/** Texts of the panel that publishes from the browser, on the server and in the browser. */
export const GO_LIVE_MESSAGES = defineMessages({
  en: {
    title: 'Go live from this browser',
    lead: 'Without an encoder: with the camera and microphone of this device, or with your screen.',
    source: 'Picture',
    sources: { camera: 'Camera', screen: 'Screen or window' },
    camera: 'Camera',
    microphone: 'Microphone',
    noMicrophone: 'No sound',
    device: (number: number) => `Device ${number}`,
    open: 'Open the preview',
    close: 'Close the preview',
    start: 'Go live',
    stop: 'Stop sending',
    preview: 'What you send',
    states: {
      idle: 'Nothing is sent yet. The preview is for you alone.',
      opening: 'Your browser asks for permission …',
      ready: 'Ready. Only you see this.',
      connecting: 'Connecting …',
      on_air: 'You are on the air from this browser.',
      lost: 'The connection is lost. Connecting again …',
    },
    problems: {
      denied:
        'This page may not use the camera or the microphone. Allow it in the settings of the browser, and try again.',
      no_device: 'No camera or microphone was found. Connect one, or choose the screen.',
      in_use: 'The camera or the microphone is used by another program. Close that, and try again.',
      unsupported: 'This browser cannot publish here. It needs an address that begins with https://.',
      stopped: 'The camera or the screen was switched off.',
      unreachable: 'The connection could not be made: the network may block UDP. Publish with an encoder instead.',
    },
    refused: (_code: string | null, reason: string) => `Not accepted: ${reason}.`,
    leave: 'You are on the air from this page.',
  },
  ja: {
    title: 'このブラウザーから配信',
    lead: 'エンコーダーなしで、この端末のカメラとマイク、または画面を配信できます。',
    source: '映像',
    sources: { camera: 'カメラ', screen: '画面またはウィンドウ' },
    camera: 'カメラ',
    microphone: 'マイク',
    noMicrophone: '音声なし',
    device: (number: number) => `デバイス ${number}`,
    open: 'プレビューを開く',
    close: 'プレビューを閉じる',
    start: '配信を始める',
    stop: '送信を止める',
    preview: '送信する映像',
    states: {
      idle: 'まだ何も送信していません。プレビューはあなただけに見えます。',
      opening: 'ブラウザーが許可を求めています…',
      ready: '準備完了。まだあなただけに見えています。',
      connecting: '接続しています…',
      on_air: 'このブラウザーから配信中です。',
      lost: '接続が切れました。再接続しています…',
    },
    problems: {
      denied: 'カメラまたはマイクの使用が許可されていません。ブラウザーの設定で許可してから、もう一度お試しください。',
      no_device: 'カメラまたはマイクが見つかりません。接続するか、画面を選んでください。',
      in_use: 'カメラまたはマイクは別のアプリが使用中です。閉じてから、もう一度お試しください。',
      unsupported: 'このブラウザーからは配信できません。https:// で始まるアドレスが必要です。',
      stopped: 'カメラまたは画面の共有が停止されました。',
      unreachable:
        '接続できませんでした。ネットワークが UDP を遮断している可能性があります。エンコーダーをご利用ください。',
    },
    refused: (code: string | null, reason: string) =>
      `受け付けられませんでした：${REFUSALS_JA[code ?? ''] ?? `詳細（英語）：${reason}`}`,
    leave: 'このページから配信中です。',
  },
})

/** Why the gateway refuses to publish, by the code of its error, in Japanese. */
const REFUSALS_JA: Readonly<Record<string, string>> = {
  INVALID_OFFER: 'ブラウザーの送信内容を読み取れません',
  UNAUTHORIZED: 'ログインしてください',
  FORBIDDEN: '自分の配信にだけ送信できます',
  STREAM_NOT_FOUND: 'この配信はありません',
  PUBLISH_REFUSED: '送信が許可されていません',
  CODEC_UNSUPPORTED: 'ブラウザーの映像または音声の形式に対応していません',
  STREAM_ENDED: 'この配信は終了しています',
  STREAM_TAKEN: '別のエンコーダーが送信中です',
  INGEST_UNAVAILABLE: '今は受信できません。しばらくしてからもう一度お試しください',
  RATE_LIMIT_EXCEEDED: 'リクエストが多すぎます。しばらくしてからもう一度お試しください',
}
