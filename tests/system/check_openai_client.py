"""check_openai_client.py URL SOUND: OpenAI's own client library transcribes through the server. Exit code 77 without the library."""
import sys

try:
    import openai
except ImportError:
    sys.exit(77)

url, sound = sys.argv[1:]
client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0)

assert [model.id for model in client.models.list()] == ["run"]
with open(sound, "rb") as file:
    short = client.audio.transcriptions.create(model="whisper-1", file=file, language="en")
with open(sound, "rb") as file:
    long = client.audio.transcriptions.create(model="whisper-1", file=file, language="en", response_format="verbose_json",
                                              timestamp_granularities=["word"])
with open(sound, "rb") as file:
    text = client.audio.transcriptions.create(model="whisper-1", file=file, language="en", response_format="text")
assert short.text.strip() == long.text.strip() == text.replace("\n", "").strip(), (short.text, long.text, text)
assert abs(long.duration - 2) < 0.1 and long.segments[0].end > long.segments[0].start
try:
    client.audio.transcriptions.create(model="other", file=("a.wav", b"RIFF"))
    sys.exit("a model that is not there is taken")
except openai.NotFoundError as error:
    assert error.code == "model_not_found", error
