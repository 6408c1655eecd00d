"""A Django project in one file, whose view stores the file of a form."""

from pathlib import Path

import django
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import path

FOLDER = Path(__file__).parent / "uploads"
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="only for a test")
django.setup()


def upload(request):
    """Store the file."""
    file = request.FILES["file"]
    FileSystemStorage(FOLDER).save(file.name, file)
    return HttpResponse("stored", status=201)


urlpatterns = [path("upload", upload)]
application = WSGIHandler()
