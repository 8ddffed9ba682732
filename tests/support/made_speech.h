/* A voice made of pulses through the formants of vowels: no words, but Silero's voice activity
 * detection takes it for speech. */
#ifndef VALENCE_TESTS_MADE_SPEECH_H
#define VALENCE_TESTS_MADE_SPEECH_H

#include <math.h>
#include <stdint.h>

#define MADE_SPEECH_HZ 16000

/* Adds `n` samples of speech to `samples`, four syllables a second. */
static inline void made_speech(float *samples, int64_t n)
{
    static const double vowels[][3] = {
        {730, 1090, 2440}, {270, 2290, 3010}, {300, 870, 2240}, {530, 1840, 2480}};
    static const double widths[] = {90, 110, 170}, pi = 3.14159265358979;
    double phase = 0, last[3] = {0}, before[3] = {0};
    for (int64_t i = 0; i < n; i++) {
        double t = (double)i / MADE_SPEECH_HZ, within = 4 * t - floor(4 * t);
        phase += (120 + 15 * sin(2 * pi * 0.7 * t)) / MADE_SPEECH_HZ;
        double y = phase >= 1 ? 1 : 0;
        phase -= y;
        for (int k = 0; k < 3; k++) { /* a resonance with gain 1 at 0 Hz */
            double r = exp(-pi * widths[k] / MADE_SPEECH_HZ),
                   c = 2 * r * cos(2 * pi * vowels[(int)(4 * t) % 4][k] / MADE_SPEECH_HZ);
            y = (1 - c + r * r) * y + c * last[k] - r * r * before[k];
            before[k] = last[k];
            last[k] = y;
        }
        samples[i] += (float)(y * 3 * pow(sin(pi * within), 0.7));
    }
}

#endif
