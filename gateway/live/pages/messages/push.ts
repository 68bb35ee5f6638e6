import { defineMessages } from '../../../web/messages.ts'

/** Texts of the settings of pushes. The page has all of them: its script shows and hides them. */
export const PUSH_PAGE_MESSAGES = defineMessages({
  en: {
    title: 'Push in this browser',
    off: 'Push is off in this browser.',
    on: 'Push is on in this browser, also while no page of this site is open. Signing out turns it off.',
    denied: 'This browser does not let this site show notifications. Allow it in the settings of the browser first.',
    unsupported: 'This browser has no push. On an iPhone or iPad, add this site to the Home Screen first.',
    failed: 'Push could not be turned on or off. Try again, or load the page again if you were signed out.',
    needsScripts: 'Push needs scripts, which this browser does not run here.',
    turnOn: 'Turn on push in this browser',
    turnOff: 'Turn off push in this browser',
  },
  ja: {
    title: 'このブラウザーのプッシュ通知',
    off: 'このブラウザーのプッシュ通知はオフです。',
    on: 'このブラウザーのプッシュ通知はオンです。ページを開いていないときも届きます。ログアウトするとオフになります。',
    denied: 'このブラウザーでは、このサイトの通知が許可されていません。先にブラウザーの設定で許可してください。',
    unsupported: 'このブラウザーはプッシュ通知に対応していません。iPhoneとiPadでは、先にホーム画面に追加してください。',
    failed: '切り替えられませんでした。もう一度お試しください。ログアウトした場合は、ページを再読み込みしてください。',
    needsScripts: 'プッシュ通知にはスクリプトが必要です。',
    turnOn: 'このブラウザーでプッシュ通知をオン',
    turnOff: 'このブラウザーでプッシュ通知をオフ',
  },
})
