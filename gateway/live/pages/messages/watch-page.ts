import { defineMessages } from '../../../web/messages.ts'
import { WATCH_MESSAGES } from './watch.ts'

/** Texts of the pages of broadcasts and recordings: those of their scripts, and those that only the server renders. */
export const WATCH_PAGE_MESSAGES = defineMessages({
  en: {
    ...WATCH_MESSAGES.en,
    noScript: 'The player needs JavaScript. Any player that knows HLS can open this address:',
    share: 'Copy link',
    shared: 'Link copied',
    about: 'About',
    started: 'Started',
    onAir: 'On the air for',
    category: 'Category',
    peak: 'Most viewers',
    controlRoom: 'Open the studio',
    download: 'Download',
    downloadSize: (size: string) => `Download (${size})`,
    processingTitle: 'The file for download is being made',
    processingText: 'You can watch already.',
    failedTitle: 'There is no file for download',
    failedText: 'Part of the broadcast is damaged. You can watch what there is.',
  },
  ja: {
    ...WATCH_MESSAGES.ja,
    noScript: '再生にはJavaScriptが必要です。HLS対応のプレーヤーでは次のアドレスを開けます：',
    share: 'リンクをコピー',
    shared: 'コピーしました',
    about: '概要',
    started: '開始',
    onAir: '配信時間',
    category: 'カテゴリー',
    peak: '最大同時視聴者数',
    controlRoom: 'スタジオを開く',
    download: 'ダウンロード',
    downloadSize: (size: string) => `ダウンロード（${size}）`,
    processingTitle: 'ダウンロード用のファイルを作成中です',
    processingText: '視聴はもう可能です。',
    failedTitle: 'ダウンロード用のファイルはありません',
    failedText: '配信の一部が破損しています。残っている部分は視聴できます。',
  },
})
