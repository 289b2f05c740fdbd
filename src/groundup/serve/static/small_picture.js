// A picture made small before it is sent: a photograph need not leave its device whole.
const SIDE = 960; // pixels of the longer side
const MOST_LETTERS = 390000; // of the data URL; reading.py refuses more than 400,000

/** Return the picture in a file as a JPEG in a data URL; throws what the browser throws where it is none. */
export async function smallPicture(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  let url = canvas.toDataURL("image/jpeg", 0.9);
  for (let quality = 0.7; url.length > MOST_LETTERS && quality > 0; quality -= 0.2) {
    url = canvas.toDataURL("image/jpeg", quality);
  }
  return url;
}
