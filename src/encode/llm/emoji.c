#include "encode/llm/emoji.h"

#include <string.h>

/* What an emoji says where people put it behind a sentence; not always what it shows. Language
 * models of this size read an emoji as bytes that mean little to them. Each is one code point, as
 * UTF-8. */
static const struct emoji {
    const char *emoji, *words;
} table[] = {
    /* clang-format off */
    /* Faces */
    {"🙂", "smiling"}, {"😀", "happy"}, {"😃", "happy"}, {"😄", "happy"}, {"😁", "grinning"},
    {"😆", "laughing"}, {"😅", "nervous laugh"}, {"😂", "laughing"}, {"🤣", "laughing hard"},
    {"😊", "smiling"}, {"☺", "smiling"}, {"😇", "innocent"}, {"😉", "winking"}, {"😌", "relieved"},
    {"😍", "in love"}, {"🥰", "loving"}, {"😘", "kisses"}, {"😗", "kiss"}, {"😙", "kiss"},
    {"😚", "kiss"}, {"😋", "delicious"}, {"😛", "joking"}, {"😜", "joking"}, {"🤪", "crazy"},
    {"😝", "joking"}, {"🤑", "greedy"}, {"🤗", "hugs"}, {"🤭", "giggling"}, {"🤫", "hush"},
    {"🤔", "thinking"}, {"🤐", "no comment"}, {"🤨", "doubtful"}, {"😐", "indifferent"},
    {"😑", "unimpressed"}, {"😶", "speechless"}, {"😏", "smirking"}, {"😒", "annoyed"},
    {"🙄", "annoyed"}, {"😬", "awkward"}, {"🤥", "lying"}, {"😔", "sad"}, {"😪", "sleepy"},
    {"🤤", "craving"}, {"😴", "bored"}, {"😷", "ill"}, {"🤒", "ill"}, {"🤕", "hurt"},
    {"🤢", "disgusting"}, {"🤮", "disgusting"}, {"🤧", "ill"}, {"🥵", "too hot"}, {"🥶", "freezing"},
    {"🥴", "dizzy"}, {"😵", "dizzy"}, {"🤯", "mind blown"}, {"🤠", "cheerful"},
    {"🥳", "celebrating"}, {"😎", "cool"}, {"🤓", "clever"}, {"🧐", "curious"}, {"😕", "confused"},
    {"😟", "worried"}, {"🙁", "unhappy"}, {"☹", "unhappy"}, {"😮", "surprised"},
    {"😯", "surprised"}, {"😲", "astonished"}, {"😳", "embarrassed"}, {"🥺", "pleading"},
    {"😦", "upset"}, {"😧", "upset"}, {"😨", "afraid"}, {"😰", "anxious"}, {"😥", "sad"},
    {"😢", "crying"}, {"😭", "crying"}, {"😱", "horrified"}, {"😖", "frustrated"},
    {"😣", "frustrated"}, {"😞", "disappointed"}, {"😓", "discouraged"}, {"😩", "miserable"},
    {"😫", "exhausted"}, {"🥱", "bored"}, {"😤", "frustrated"}, {"😡", "angry"}, {"😠", "angry"},
    {"🤬", "furious"}, {"😈", "mischievous"}, {"👿", "angry"}, {"💀", "dead"}, {"☠", "deadly"},
    {"💩", "crap"}, {"🤡", "ridiculous"}, {"🤩", "amazed"}, {"🥲", "bittersweet"}, {"😻", "in love"},
    {"😹", "laughing"}, {"😿", "crying"}, {"😾", "angry"}, {"🙃", "ironic"}, {"🫠", "embarrassed"},
    {"🥹", "touched"}, {"🤷", "no idea"}, {"🤦", "facepalm"}, {"🙅", "no way"}, {"🙆", "all right"},
    /* Hands and people */
    {"👍", "thumbs up"}, {"👎", "thumbs down"}, {"👌", "perfect"}, {"✌", "peace"},
    {"🤞", "fingers crossed"}, {"🤘", "rock on"}, {"🤝", "agreed"}, {"👏", "applause"},
    {"🙌", "hooray"}, {"🙏", "thank you"}, {"💪", "strong"}, {"👊", "fist bump"},
    {"✊", "solidarity"}, {"🖕", "fuck you"}, {"👋", "hello"}, {"💃", "dancing"}, {"🕺", "dancing"},
    {"🎓", "graduated"}, {"🫶", "love"}, {"🫡", "respect"},
    /* Hearts */
    {"❤", "love"}, {"🧡", "love"}, {"💛", "love"}, {"💚", "love"}, {"💙", "love"}, {"💜", "love"},
    {"🤎", "love"}, {"🖤", "love"}, {"🤍", "love"}, {"♥", "love"}, {"💕", "love"}, {"💞", "love"},
    {"💓", "love"}, {"💗", "love"}, {"💖", "love"}, {"💘", "love"}, {"💝", "love"},
    {"💔", "broken heart"}, {"❣", "love"}, {"💋", "kiss"}, {"💯", "perfect"}, {"💢", "angry"},
    {"💥", "bang"}, {"💤", "boring"},
    /* Things */
    {"✨", "wonderful"}, {"🌟", "brilliant"}, {"⭐", "great"}, {"🔥", "excellent"},
    {"🎉", "celebrating"}, {"🎊", "celebrating"}, {"🎈", "party"}, {"🎁", "gift"},
    {"🎂", "happy birthday"}, {"🏆", "winner"}, {"🥇", "winner"}, {"🥈", "second place"},
    {"🥉", "third place"}, {"🏅", "winner"}, {"👑", "the best"}, {"💎", "precious"},
    {"🌈", "hopeful"}, {"☀", "sunny"}, {"🌞", "sunny"}, {"🌹", "rose"}, {"🌸", "flowers"},
    {"💐", "flowers"}, {"🍾", "cheers"}, {"🥂", "cheers"}, {"🍻", "cheers"}, {"🚀", "taking off"},
    {"✅", "right"}, {"✔", "right"}, {"❌", "wrong"}, {"❎", "wrong"}, {"🚫", "forbidden"},
    {"⚠", "warning"}, {"🆘", "help"}, {"🚨", "alarm"}, {"💣", "bomb"}, {"🔪", "knife"},
    {"⚰", "death"}, {"🪦", "death"}, {"🗑", "rubbish"}, {"🚩", "bad sign"}, {"📈", "rising"},
    {"📉", "falling"},
    /* clang-format on */
};

static const char blanks[] = " \t\r\n\v\f";

/* Signs that change what is in front of them: two variation selectors, joiners, skin tones, and
 * sexes, which stand behind a joiner. */
static const char *const variants[] = {
    "\xEF\xB8\x8E",     "\xEF\xB8\x8F",     "\xE2\x80\x8D\xE2\x99\x80", "\xE2\x80\x8D\xE2\x99\x82",
    "\xE2\x80\x8D",     "\xF0\x9F\x8F\xBB", "\xF0\x9F\x8F\xBC",         "\xF0\x9F\x8F\xBD",
    "\xF0\x9F\x8F\xBE", "\xF0\x9F\x8F\xBF"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct emoji *find(const char *at)
{
    for (size_t i = 0; i < COUNT(table); i++)
        if (strncmp(at, table[i].emoji, strlen(table[i].emoji)) == 0)
            return &table[i];
    return NULL;
}

/* Behind the variants that follow an emoji. */
static const char *skip_variants(const char *at)
{
    for (size_t i = 0; i < COUNT(variants); i++) {
        size_t length = strlen(variants[i]);
        if (strncmp(at, variants[i], length) == 0) {
            at += length;
            i = (size_t)-1; /* from the first again */
        }
    }
    return at;
}

/* A letter, a digit, or of another alphabet. */
static bool ends_word(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80);
}

static void append_words(struct text *text, const char *words)
{
    while (text->length > 0 && strchr(blanks, text->data[text->length - 1]))
        text->length--;
    if (text->length > 0 && ends_word(text->data[text->length - 1]))
        text_append(text, ",", 1);
    if (text->length > 0 && !strchr(" ([{\"'", text->data[text->length - 1]))
        text_append(text, " ", 1);
    text_append(text, words, strlen(words));
}

void emoji_to_words(struct text *text, const char *transcript)
{
    const char *at = transcript;
    text_append(text, "", 0);
    while (*at && !text->failed) {
        const struct emoji *emoji = (*at & 0x80) ? find(at) : NULL;
        if (!emoji) {
            text_append(text, at++, 1);
            continue;
        }
        append_words(text, emoji->words);
        at = skip_variants(at + strlen(emoji->emoji));
        if (ends_word(*at) && !find(at))
            text_append(text, " ", 1);
    }
}
