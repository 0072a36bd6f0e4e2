"""Pages of signing: check answers, then password or passkey; the receipt; and withdrawing one's signature."""

import json
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.models import SigningChallenge
from apps.accounts.passkeys import relying_party_of
from apps.accounts.queries import signing_session
from apps.accounts.services import PasskeyAnswer, challenge_options
from apps.core.errors import BadRequest
from apps.workflow import lifecycle, queries, services
from apps.workflow.models import Review, Signature
from apps.workflow.services import Statement
from apps.workflow.web import forms, pages


@login_required
def sign_off(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Check answers: everything that is signed, then the decision."""
    review = queries.review_for(request.user, pk)
    page = pages.signing(review)
    ways = pages.ways_to_sign(request)
    form = forms.SignForm(request.POST or None, page=page)
    if request.method == "POST" and form.is_valid():
        done = forms.attempt(form, lambda: decide(request, review, form))
        if done is not None:
            return done
    context = {"review": review, "version": review.version, "page": page, "form": form, "ways": ways}
    context["grounds"] = pages.grounds(review, request.user)
    return render(request, "workflow/sign_off.html", context)


def decide(request: HttpRequest, review: Review, form: forms.SignForm) -> HttpResponse:
    """Sign, go on to the passkey, or give the turn back."""
    if form.is_changes:
        services.request_changes(review, actor=request.user, reason=form.cleaned_data["reason"])
        return redirect("workflow:review-detail", review.pk)
    said = Statement(
        form.meaning, form.cleaned_data["reason"], form.cleaned_data["seen_digest"], form.conditions, form.report
    )
    return sign(request, review, form, said)


def sign(request: HttpRequest, review: Review, form: forms.ProofForm, said: Statement) -> HttpResponse:
    """Sign by password, or ask for the passkey."""
    session = signing_session(request)
    if form.is_by_passkey:
        party = relying_party_of(request)
        return ask(
            request, services.prepare_sign_off(review, actor=request.user, said=said, session=session, party=party)
        )
    signature = services.sign_off(
        review, actor=request.user, meaning=said.meaning, conditions=said.conditions, report=said.report, session=session,
        **form.proof,
    )  # fmt: skip
    return redirect("workflow:receipt", signature.pk)


def ask(request: HttpRequest, challenge: SigningChallenge) -> HttpResponse:
    """The page on which the passkey signs the digest of what was prepared."""
    review = queries.review_for(request.user, challenge.payload["review"])
    context = {
        "review": review, "version": review.version, "challenge": challenge, "payload": challenge.payload,
        "meaning": Signature.Meaning(challenge.payload["meaning"]).label, "options": json.dumps(challenge_options(challenge)),
    }  # fmt: skip
    return render(request, "workflow/sign_passkey.html", context)


@never_cache
@login_required
@require_POST
def passkey(request: HttpRequest, pk: UUID, challenge: UUID) -> HttpResponse:
    """The passkey has answered."""
    review = queries.review_for(request.user, pk)
    try:
        response = json.loads(request.POST.get("answer", ""))
    except ValueError as damage:
        raise BadRequest(_("The passkey gave no answer that can be read. Nothing was signed.")) from damage
    answer = PasskeyAnswer(challenge, response, relying_party_of(request))
    signature = services.sign_prepared(review, actor=request.user, answer=answer, session=signing_session(request))
    return redirect("workflow:receipt", signature.pk)


@login_required
@require_safe
def receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What was signed, with the number and the hash of its entry in the log."""
    signature = queries.signature_for(request.user, pk)
    context = {
        "signature": signature, "review": signature.review, "version": signature.review.version,
        "entry": queries.receipt_of(signature), "withdrawal": queries.withdrawal_of(signature),
        "may_withdraw": queries.may_withdraw(request.user, signature),
    }  # fmt: skip
    return render(request, "workflow/receipt.html", context)


@login_required
def reject(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Sign against a version. A rejection ends it; in a committee it is a vote."""
    review = queries.review_for(request.user, pk)
    form = forms.ProofForm(request.POST or None, initial={"seen_digest": services.present(review).digest})
    if request.method == "POST" and form.is_valid():
        said = Statement("rejected", form.cleaned_data["reason"], form.cleaned_data["seen_digest"])
        done = forms.attempt(form, lambda: sign(request, review, form, said))
        if done is not None:
            return done
    context = pages.asking(review, form, queries.why_not(request.user, lifecycle.REJECT, review))
    return render(request, "workflow/reject.html", context | {"ways": pages.ways_to_sign(request)})


@login_required
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Check answers: which signature is withdrawn, and what that does; then a new signature that says so."""
    signature = queries.signature_for(request.user, pk)
    review = signature.review
    form = forms.ProofForm(request.POST or None, initial={"seen_digest": signature.seen_digest})
    if request.method == "POST" and form.is_valid():
        done = forms.attempt(form, lambda: take_back(request, signature, form))
        if done is not None:
            return done
    context = pages.asking(review, form, pages.why_not_withdraw(request.user, signature))
    context |= {
        "signature": signature,
        "ways": pages.ways_to_sign(request),
        "effect": pages.effect_of_withdrawing(signature),
    }
    return render(request, "workflow/withdraw_signature.html", context)


def take_back(request: HttpRequest, signature: Signature, form: forms.ProofForm) -> HttpResponse:
    """Withdraw by password, or go on to the passkey."""
    review, wish = signature.review, form.cleaned_data
    how = {"actor": request.user, "reason": wish["reason"], "session": signing_session(request)}
    if not queries.may_withdraw(request.user, signature):
        raise BadRequest(_("This is not the signature that you could withdraw now. Open the review."))
    if form.is_by_passkey:
        return ask(request, services.prepare_withdrawal(review, party=relying_party_of(request), **how))
    made = services.withdraw_signature(review, password=wish["password"], code=wish["code"], **how)
    return redirect("workflow:receipt", made.pk)
