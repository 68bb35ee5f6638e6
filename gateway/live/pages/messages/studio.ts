import { defineMessages } from '../../../web/messages.ts'
import { FAULT_TEXTS } from '../../notices/fault-texts.ts'
import { describeReason } from './reasons.ts'

/** Texts of the studio that its scripts need; some are rendered too. */
export const STUDIO_MESSAGES = defineMessages({
  en: {
    scheduledHint: (zone: string) => `Leave it empty to start at any time. In ${zone}.`,
    notSaved: 'That could not be saved. Check your connection, and try again.',
    none: 'none',
    allFine: 'All is well.',
    advice: {
      noEncoder: 'No encoder sends. It may come back with the same key; the broadcast waits for it.',
      noPicture: 'The encoder sends no picture.',
      noSound: 'The encoder sends no sound.',
      keyframes: 'Set the keyframe interval of the encoder to 2 s.',
      jitter: 'The connection of the encoder is uneven. Lower its bit rate, and choose a constant one.',
      topDropped: 'The highest rendition is left out: this machine encodes too slowly.',
      problem: (problem: string) => `Nothing is encoded: ${describeReason(problem, 'en')}`,
      ...FAULT_TEXTS.en,
    },
  },
  ja: {
    scheduledHint: (zone: string) => `空欄ならいつでも開始できます。タイムゾーン：${zone}`,
    notSaved: '保存できませんでした。接続を確認して、もう一度お試しください。',
    none: 'なし',
    allFine: '問題ありません。',
    advice: {
      noEncoder: 'エンコーダーからの送信がありません。同じキーで再接続できます。配信は待機しています。',
      noPicture: '映像が送られていません。',
      noSound: '音声が送られていません。',
      keyframes: 'エンコーダーのキーフレーム間隔を2秒に設定してください。',
      jitter: '回線が不安定です。ビットレートを下げ、固定ビットレートにしてください。',
      topDropped: 'エンコードが間に合わないため、最高画質を省いています。',
      problem: (problem: string) => `エンコードできません：${describeReason(problem, 'ja')}`,
      ...FAULT_TEXTS.ja,
    },
  },
})
