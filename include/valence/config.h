/* Keys of a configuration: what valence/train.h and valence/extract_store.h tell about theirs. A
 * configuration is a YAML file of "key: value" and sections of them. */
#ifndef VALENCE_CONFIG_H
#define VALENCE_CONFIG_H

#ifdef __cplusplus
extern "C" {
#endif

enum valence_config_type {
    VALENCE_CONFIG_TEXT,    /* UTF-8 on one line, at most `maximum` bytes where that is not 0 */
    VALENCE_CONFIG_INTEGER, /* `minimum` ... `maximum` */
    VALENCE_CONFIG_NUMBER,  /* `minimum` ... `maximum`, with a decimal point in any locale */
    VALENCE_CONFIG_FLAG,    /* true or false */
    VALENCE_CONFIG_CHOICE,  /* one of `choices` */
    VALENCE_CONFIG_COUNT,   /* `minimum` ... `maximum`, or all */
    VALENCE_CONFIG_LIST     /* a list of `choices`: "[complete, text_missing]" */
};

/* What is known about a key. It lives as long as the program. */
struct valence_config_key {
    /* "model.d": section and key, or "epochs" at the top level */
    const char *name;
    enum valence_config_type type;
    /* the default, as the configuration's _set() takes it */
    const char *standard;
    /* inclusive; both 0 where there is no range */
    double minimum, maximum;
    /* `n_choices` names; NULL where any value of the type is possible */
    const char *const *choices;
    int n_choices;
    /* one or more sentences for people */
    const char *help;
};

/* Room for any value with its NUL. */
#define VALENCE_CONFIG_VALUE_BYTES 1100

#ifdef __cplusplus
}
#endif
#endif
